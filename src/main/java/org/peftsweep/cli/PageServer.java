package org.peftsweep.cli;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Serves one page to browsers of this machine, which ask for it again and again. Nothing can be
 * changed through it, and pages of other sites cannot read it.
 */
final class PageServer implements AutoCloseable {
  private static final int REFRESH_SECONDS = 15;
  private static final Duration FRESH = Duration.ofSeconds(10);
  private static final Set<String> HOSTS = Set.of("localhost", "127.0.0.1", "[::1]");

  private final HttpServer server;
  private final Supplier<String> page;
  private byte[] made;
  private long madeAt;

  private PageServer(HttpServer server, Supplier<String> page) {
    this.server = server;
    this.page = page;
  }

  /**
   * Starts.
   *
   * @param port 0 for any that is free
   * @param page makes the page; asked at most every ten seconds
   */
  static PageServer start(int port, Supplier<String> page) {
    try {
      HttpServer server =
          HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
      PageServer pages = new PageServer(server, page);
      server.createContext("/", pages::answer);
      server.start();
      return pages;
    } catch (IOException | IllegalArgumentException e) {
      throw new InputException(
          "Cannot serve the page on port " + port + ": it is taken or not allowed, give another");
    }
  }

  /** Returns where a browser finds the page. */
  String address() {
    return "http://127.0.0.1:" + server.getAddress().getPort() + "/";
  }

  private void answer(HttpExchange exchange) throws IOException {
    try (exchange) {
      String host = exchange.getRequestHeaders().getFirst("Host");
      boolean isOurs = host != null && HOSTS.contains(host.replaceFirst(":[0-9]+$", ""));
      boolean isRead = Set.of("GET", "HEAD").contains(exchange.getRequestMethod());
      if (!isOurs || !isRead || !exchange.getRequestURI().getPath().equals("/")) {
        exchange.sendResponseHeaders(!isOurs ? 403 : !isRead ? 405 : 404, -1);
        return;
      }
      byte[] text = text();
      exchange.getResponseHeaders().set("Content-Type", "text/html; charset=utf-8");
      exchange.getResponseHeaders().set("Refresh", "" + REFRESH_SECONDS);
      exchange.getResponseHeaders().set("Cache-Control", "no-store");
      boolean isHead = exchange.getRequestMethod().equals("HEAD");
      exchange.sendResponseHeaders(200, isHead ? -1 : text.length);
      if (!isHead) {
        exchange.getResponseBody().write(text);
      }
    }
  }

  private synchronized byte[] text() {
    if (made == null || System.nanoTime() - madeAt > FRESH.toNanos()) {
      made = page.get().getBytes(StandardCharsets.UTF_8);
      madeAt = System.nanoTime();
    }
    return made;
  }

  @Override
  public void close() {
    server.stop(0);
  }
}
