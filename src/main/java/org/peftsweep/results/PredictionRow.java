package org.peftsweep.results;

import org.peftsweep.train.Outcome.Prediction;

/** What a row of {@code predictions} is made of: an example and the trial that judged it. */
record PredictionRow(TrialRow trial, Prediction prediction) {}
