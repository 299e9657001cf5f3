package org.peftsweep.results;

import org.peftsweep.train.Outcome.CurvePoint;

/** What a row of {@code curves} is made of: an evaluation and the trial that it belongs to. */
record CurveRow(TrialRow trial, CurvePoint point) {}
