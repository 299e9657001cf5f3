package org.peftsweep.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class PageServerTest {
  private final AtomicInteger made = new AtomicInteger();

  @Test
  void servesThePageAndNothingElse() throws Exception {
    try (PageServer server = PageServer.start(0, () -> "<p>" + made.incrementAndGet())) {
      assertThat(server.address()).startsWith("http://127.0.0.1:");
      HttpResponse<String> page = get(server.address());
      assertThat(page.statusCode()).isEqualTo(200);
      assertThat(page.body()).isEqualTo("<p>1");
      assertThat(page.headers().firstValue("Refresh")).contains("15");
      // Many who look make no work.
      assertThat(get(server.address()).body()).isEqualTo("<p>1");
      assertThat(get(server.address() + "agenda.json").statusCode()).isEqualTo(404);
      HttpRequest change =
          HttpRequest.newBuilder(URI.create(server.address()))
              .POST(BodyPublishers.ofString("x"))
              .build();
      assertThat(HttpClient.newHttpClient().send(change, BodyHandlers.ofString()).statusCode())
          .isEqualTo(405);
    }
  }

  @Test
  void saysThatAPortIsTaken() {
    try (PageServer server = PageServer.start(0, () -> "")) {
      int port = URI.create(server.address()).getPort();
      assertThatThrownBy(() -> PageServer.start(port, () -> ""))
          .isInstanceOf(InputException.class)
          .hasMessageStartingWith("Cannot serve the page on port " + port + ":");
    }
  }

  private static HttpResponse<String> get(String address) throws Exception {
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(URI.create(address)).build(), BodyHandlers.ofString());
  }
}
