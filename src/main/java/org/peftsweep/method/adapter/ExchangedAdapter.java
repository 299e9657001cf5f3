package org.peftsweep.method.adapter;

import java.util.List;
import java.util.Map;
import org.peftsweep.checkpoint.SafeTensorsWriter;
import org.peftsweep.compute.Backend;
import org.peftsweep.model.Adapter;
import org.peftsweep.model.Parameter;

/** An adapter that PEFT stores otherwise than as its kept tensors. */
public interface ExchangedAdapter extends Adapter {
  /** Adds its tensors to a file under PEFT's names. */
  void write(SafeTensorsWriter tensors, Backend backend);

  /** Returns its tensors that an adapter which a trial starts from has under their own names. */
  default List<Parameter> read() {
    return kept();
  }

  /** Returns tensors that are stored, but drawn again rather than read, by PEFT's names. */
  default Map<String, float[]> drawn(Backend backend) {
    return Map.of();
  }
}
