/** Trained methods as adapter folders of Hugging Face's PEFT, out and in. */
package org.peftsweep.method.peft;
