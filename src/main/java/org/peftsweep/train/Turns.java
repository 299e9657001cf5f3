package org.peftsweep.train;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Lets one of several threads work at a time. Once none is left to work, what those who rest wait
 * for is done by the last of them, and they go on.
 */
final class Turns {
  /** Waits for something that others work for. */
  interface Waiting<T> {
    T run() throws InterruptedException;
  }

  /** One thread's part. */
  static final class Seat {
    private final Condition turn;
    private boolean hasTurn;

    private Seat(Condition turn) {
      this.turn = turn;
    }
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Runnable whenAllRest;
  private final Deque<Seat> waiting = new ArrayDeque<>();
  private final List<Seat> resting = new ArrayList<>();
  private boolean isAnyAtWork;

  Turns(Runnable whenAllRest) {
    this.whenAllRest = whenAllRest;
  }

  Seat seat() {
    return new Seat(lock.newCondition());
  }

  /** Works once it is its turn, to the end of its part. */
  void work(Seat seat, Runnable part) throws InterruptedException {
    lock.lock();
    try {
      waiting.add(seat);
      advance();
      awaitFirst(seat);
    } finally {
      lock.unlock();
    }
    try {
      part.run();
    } finally {
      end();
    }
  }

  /** Lets others work while this one, whose turn it is, waits for something else. */
  <T> T outside(Seat seat, Waiting<T> wait) throws InterruptedException {
    end();
    try {
      return wait.run();
    } finally {
      lock.lock();
      try {
        waiting.add(seat);
        advance();
        await(seat);
      } finally {
        lock.unlock();
      }
    }
  }

  /** Waits until nobody works and what all wait for who rest is done. */
  void rest(Seat seat) {
    lock.lock();
    try {
      resting.add(seat);
      isAnyAtWork = false;
      advance();
      await(seat);
    } finally {
      lock.unlock();
    }
  }

  private void end() {
    lock.lock();
    try {
      isAnyAtWork = false;
      advance();
    } finally {
      lock.unlock();
    }
  }

  private void awaitFirst(Seat seat) throws InterruptedException {
    try {
      while (!seat.hasTurn) {
        seat.turn.await();
      }
    } catch (InterruptedException e) {
      waiting.remove(seat);
      if (seat.hasTurn) {
        isAnyAtWork = false;
        advance();
      }
      throw e;
    } finally {
      seat.hasTurn = false;
    }
  }

  /** Waits, so shortly that an interruption is noticed after it. */
  private static void await(Seat seat) {
    while (!seat.hasTurn) {
      seat.turn.awaitUninterruptibly();
    }
    seat.hasTurn = false;
  }

  private void advance() {
    if (isAnyAtWork) {
      return;
    }
    if (waiting.isEmpty() && !resting.isEmpty()) {
      whenAllRest.run();
      // Who came last is awake.
      resting.forEach(waiting::addFirst);
      resting.clear();
    }
    if (!waiting.isEmpty()) {
      Seat next = waiting.poll();
      isAnyAtWork = true;
      next.hasTurn = true;
      next.turn.signal();
    }
  }
}
