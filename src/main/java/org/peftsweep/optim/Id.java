package org.peftsweep.optim;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/** Declares the id by which sweep files and tables name a method's or an optimizer's record. */
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface Id {
  /** Returns the id: lower-case letters, digits and hyphens. */
  String value();
}
