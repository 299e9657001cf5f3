package org.peftsweep.data.grammar;

/** A generated row; second is null where there is one text. */
record Row(String first, String second, double label) {}
