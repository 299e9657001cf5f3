/**
 * Models and methods as layers and networks of Deeplearning4j: recorded graphs come in, are cut
 * into layers by the modules that their parameters belong to, and go out as a {@link
 * org.deeplearning4j.nn.graph.ComputationGraph}.
 *
 * <p>What a saved network is made of, {@link org.peftsweep.dl4j.RecordedLayer} and what stands
 * beside it, needs nothing but Deeplearning4j: each layer holds the operations that it repeats.
 */
package org.peftsweep.dl4j;
