package org.peftsweep.compute;

/** A device failed in a way that no other work of this process survives, as by an ECC error. */
public final class DeviceLostException extends IllegalStateException {
  private static final long serialVersionUID = 1;

  public DeviceLostException(String message) {
    super(message);
  }
}
