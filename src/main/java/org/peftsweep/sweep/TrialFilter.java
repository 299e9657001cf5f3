package org.peftsweep.sweep;

import java.util.Set;
import org.peftsweep.results.TrialFile;
import org.peftsweep.train.Outcome.Status;

/** Which of a sweep's trials a run takes. */
@FunctionalInterface
public interface TrialFilter {
  /** Takes what has no row after which another run would tell nothing more. */
  TrialFilter UNDONE = (id, row) -> row == null || !row.isDone();

  /** Takes none that has a row. */
  TrialFilter NONE = (id, row) -> row == null;

  /** Whether to run the trial; {@code row} is null where it has none. */
  boolean takes(String id, TrialFile row);

  /** Takes exactly the trials whose row has one of these statuses, and those with these ids. */
  static TrialFilter again(Set<Status> statuses, Set<String> ids) {
    return (id, row) -> ids.contains(id) || row != null && statuses.contains(row.status());
  }

  /** Whether a row that is done, or stands on a rung, tells too little, so that all begins anew. */
  default boolean isAnew(TrialFile row) {
    return false;
  }

  /** Takes the trials with these rows too, and lets them begin anew. */
  default TrialFilter anew(Set<TrialFile> rows) {
    TrialFilter others = this;
    return new TrialFilter() {
      @Override
      public boolean takes(String id, TrialFile row) {
        return isAnew(row) || others.takes(id, row);
      }

      @Override
      public boolean isAnew(TrialFile row) {
        return row != null && rows.contains(row);
      }
    };
  }

  /** Leaves these trials out. */
  default TrialFilter without(Set<String> ids) {
    TrialFilter others = this;
    return new TrialFilter() {
      @Override
      public boolean takes(String id, TrialFile row) {
        return !ids.contains(id) && others.takes(id, row);
      }

      @Override
      public boolean isAnew(TrialFile row) {
        return others.isAnew(row);
      }
    };
  }
}
