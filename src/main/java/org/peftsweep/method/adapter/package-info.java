/**
 * What methods are built from: where one is attached, its hooks into the steps, adapters and starts
 * that several share.
 */
package org.peftsweep.method.adapter;
