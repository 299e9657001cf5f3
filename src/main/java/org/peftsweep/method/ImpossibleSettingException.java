package org.peftsweep.method;

/** A setting that is well-formed, but cannot be followed with the data or the model at hand. */
public final class ImpossibleSettingException extends IllegalArgumentException {
  private static final long serialVersionUID = 1;

  ImpossibleSettingException(String message) {
    super(message);
  }
}
