package org.peftsweep.results;

import org.peftsweep.method.adapter.MethodHooks.LayerScore;

/** What a row of {@code layers} is made of: a layer's score and the trial that it belongs to. */
record LayerRow(TrialRow trial, LayerScore score) {}
