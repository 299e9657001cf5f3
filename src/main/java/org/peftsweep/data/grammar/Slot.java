package org.peftsweep.data.grammar;

/** A place in a scene where one word can give way to another. */
enum Slot {
  AGENT {
    @Override
    Word of(Scene scene) {
      return scene.agent();
    }

    @Override
    Scene put(Scene scene, Word word) {
      return scene.withAgent(word);
    }
  },
  VERB {
    @Override
    Word of(Scene scene) {
      return scene.verb();
    }

    @Override
    Scene put(Scene scene, Word word) {
      return scene.withVerb(word);
    }
  },
  ADJECTIVE {
    @Override
    Word of(Scene scene) {
      return scene.adjective();
    }

    @Override
    Scene put(Scene scene, Word word) {
      return scene.withAdjective(word);
    }
  },
  NOUN {
    @Override
    Word of(Scene scene) {
      return scene.noun();
    }

    @Override
    Scene put(Scene scene, Word word) {
      return scene.withNoun(word);
    }
  },
  PLACE {
    @Override
    Word of(Scene scene) {
      return scene.place();
    }

    @Override
    Scene put(Scene scene, Word word) {
      return scene.withPlace(word);
    }
  },
  TIME {
    @Override
    Word of(Scene scene) {
      return scene.time();
    }

    @Override
    Scene put(Scene scene, Word word) {
      return scene.withTime(word);
    }
  };

  /** The word there; null where the scene has none. */
  abstract Word of(Scene scene);

  abstract Scene put(Scene scene, Word word);
}
