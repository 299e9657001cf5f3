package org.peftsweep.compute;

import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicBoolean;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The backends that settings may name. */
public final class Backends {
  private static final TreeMap<String, BackendProvider> BY_NAME = providers();

  private static final Logger LOG = LoggerFactory.getLogger(Backends.class);
  private static final AtomicBoolean WARNED = new AtomicBoolean();

  /** The name of the backend to compute on where settings name none. */
  public static final String DEFAULT = "cpu";

  /** What the default gives way to where this JVM cannot run it. */
  private static final String FALLBACK = "nd4j";

  /** Between a name and the address of a GPU. */
  private static final char PLACE = ':';

  private Backends() {}

  /** Returns the names that {@link #open} takes, in alphabetical order. */
  public static List<String> names() {
    return List.copyOf(BY_NAME.keySet());
  }

  /** Whether a backend has products with factors of a number format, on processors that do. */
  public static boolean multipliesIn(String name, ElementType factors) {
    return BY_NAME.get(name).multipliesIn(factors);
  }

  /** Whether a backend computes on GPUs. */
  public static boolean usesGpus(String name) {
    return BY_NAME.get(name).usesGpus();
  }

  /** Returns why this machine has no GPU for a backend that computes on GPUs; else empty. */
  public static Optional<String> lack(String name) {
    return BY_NAME.get(name).lack();
  }

  /**
   * Returns where a backend is that computes on the GPU of an address.
   *
   * @param gpu null for the first; left out where the backend uses none
   */
  public static String place(String name, String gpu) {
    return gpu == null || !usesGpus(name) ? name : name + PLACE + gpu;
  }

  /** Returns the name of the backend of a place. */
  private static String name(String place) {
    int end = place.indexOf(PLACE);
    return end < 0 ? place : place.substring(0, end);
  }

  /** Returns the names of those that have products with factors of a number format. */
  public static List<String> multiplying(ElementType factors) {
    return BY_NAME.values().stream()
        .filter(provider -> provider.multipliesIn(factors))
        .map(BackendProvider::name)
        .toList();
  }

  /**
   * Returns why the default backend has no products with such factors on this machine; empty where
   * it has.
   */
  public static Optional<String> refusal(ElementType factors) {
    return refusal(DEFAULT, factors);
  }

  /** The same of the backend of a place. */
  public static Optional<String> refusal(String place, ElementType factors) {
    return BY_NAME.get(name(place)).refusal(factors);
  }

  /**
   * Opens a backend; {@code nd4j}, with one warning, where the JVM cannot run {@link #DEFAULT}.
   *
   * @param threads processor threads of its kernels, at least 1
   * @throws IllegalArgumentException if there is none of this name
   */
  public static Backend open(String name, int threads) {
    return open(name, threads, BlasLibrary.AUTO);
  }

  /**
   * The same with a choice of what multiplies matrices, where the backend has one.
   *
   * @param place a name, or what {@link #place} makes of it
   * @throws IllegalArgumentException if there is none of this name
   * @throws BackendUnavailableException if this JVM cannot run it
   */
  public static Backend open(String place, int threads, BlasLibrary blas) {
    String name = name(place);
    Optional<String> gpu =
        name.equals(place) ? Optional.empty() : Optional.of(place.substring(name.length() + 1));
    BackendProvider provider = BY_NAME.get(name);
    if (provider == null) {
      throw new IllegalArgumentException(
          "Cannot compute on " + name + ": choose one of " + names());
    }
    try {
      return provider.open(threads, blas, gpu);
    } catch (BackendUnavailableException e) {
      if (!name.equals(DEFAULT)) {
        throw e;
      }
      if (!WARNED.getAndSet(true)) {
        LOG.warn("{}; computing on {}, several times slower", e.getMessage(), FALLBACK);
      }
      return BY_NAME.get(FALLBACK).open(threads, blas);
    }
  }

  /**
   * Makes what computes and derives the steps of a tape in place of a backend's kernels; null where
   * they do.
   */
  public static Graph graph(Backend backend) {
    BackendProvider provider = BY_NAME.get(backend.name());
    return provider == null ? null : provider.graph(backend);
  }

  private static TreeMap<String, BackendProvider> providers() {
    TreeMap<String, BackendProvider> providers = new TreeMap<>();
    ServiceLoader.load(BackendProvider.class, Backends.class.getClassLoader())
        .forEach(provider -> providers.put(provider.name(), provider));
    return providers;
  }
}
