/** Operations of a tape as graphs of ND4J's SameDiff, which other programs can load and train. */
package org.peftsweep.compute.samediff;
