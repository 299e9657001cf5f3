package org.peftsweep.report;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.net.URI;
import java.net.URLDecoder;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.peftsweep.data.Shown;

/**
 * The few calls of MLflow's REST API (version 2.0) that logging needs.
 *
 * <p>Who asks is told by the address, {@code http://user:password@host}, or as MLflow's own clients
 * are told, by the environment: {@code MLFLOW_TRACKING_TOKEN}, or {@code MLFLOW_TRACKING_USERNAME}
 * and {@code MLFLOW_TRACKING_PASSWORD}. Neither is ever repeated.
 */
public final class TrackingClient {
  /** The server cannot be reached or refuses; the message is a clause that says so. */
  public static final class TrackingException extends RuntimeException {
    private static final long serialVersionUID = 1;

    TrackingException(String message, Throwable cause) {
      super(message, cause);
    }
  }

  private static final Pattern ADDRESS =
      Pattern.compile("(https?)://(?:([^/:@]*)(?::(.*))?@)?([^@\\s?#]+)", Pattern.CASE_INSENSITIVE);
  private static final Duration LONGEST_CONNECT = Duration.ofSeconds(10);
  private static final Duration LONGEST_ANSWER = Duration.ofSeconds(60);
  private static final String ABSENT = "RESOURCE_DOES_NOT_EXIST";

  private final JsonMapper mapper = new JsonMapper();
  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .followRedirects(HttpClient.Redirect.NORMAL)
          .connectTimeout(LONGEST_CONNECT)
          .build();
  private final String address;
  private final Optional<String> authorization;

  private TrackingClient(String address, Optional<String> authorization) {
    this.address = address;
    this.authorization = authorization;
  }

  /**
   * Returns a client; nothing is sent.
   *
   * @param text such as http://host:5000
   * @param variables of the environment
   * @throws IllegalArgumentException if it is no address of a server
   */
  public static TrackingClient of(String text, Map<String, String> variables) {
    Matcher parts = ADDRESS.matcher(text);
    if (!parts.matches() || !isHost(parts.group(4))) {
      throw new IllegalArgumentException(
          "Cannot use --mlflow " + Shown.of(text) + ": give an address such as http://host:5000");
    }
    Optional<String> authorization =
        parts.group(2) == null
            ? ofEnvironment(variables)
            : Optional.of(basic(decoded(parts.group(2)), decoded(parts.group(3))));
    String place = parts.group(4).replaceAll("/+$", "");
    return new TrackingClient(parts.group(1) + "://" + place, authorization);
  }

  private static boolean isHost(String place) {
    try {
      return URI.create("http://" + place).getHost() != null;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  private static Optional<String> ofEnvironment(Map<String, String> variables) {
    String token = variables.get("MLFLOW_TRACKING_TOKEN");
    String user = variables.get("MLFLOW_TRACKING_USERNAME");
    return token != null
        ? Optional.of("Bearer " + token)
        : Optional.ofNullable(user)
            .map(name -> basic(name, variables.getOrDefault("MLFLOW_TRACKING_PASSWORD", "")));
  }

  private static String basic(String user, String password) {
    byte[] both = (user + ":" + password).getBytes(StandardCharsets.UTF_8);
    return "Basic " + Base64.getEncoder().encodeToString(both);
  }

  private static String decoded(String part) {
    try {
      return part == null
          ? ""
          : URLDecoder.decode(part.replace("+", "%2B"), StandardCharsets.UTF_8);
    } catch (IllegalArgumentException e) {
      // Written as it is.
      return part;
    }
  }

  /** Returns where the server is, without who asks. */
  public String address() {
    return address;
  }

  /** Returns an experiment's id. */
  Optional<String> experiment(String name) {
    String query = "?experiment_name=" + URLEncoder.encode(name, StandardCharsets.UTF_8);
    return send("experiments/get-by-name" + query, HttpRequest.Builder::GET)
        .map(found -> found.path("experiment").path("experiment_id").asText());
  }

  /** Makes an experiment and returns its id. */
  String createExperiment(String name) {
    return post("experiments/create", body -> body.put("name", name))
        .path("experiment_id")
        .asText();
  }

  /** Returns a page of an experiment's runs; the answer's next_page_token leads to the next. */
  JsonNode runs(String experiment, int most, String page) {
    return post(
        "runs/search",
        body -> {
          body.putArray("experiment_ids").add(experiment);
          body.put("run_view_type", "ACTIVE_ONLY").put("max_results", most);
          if (!page.isEmpty()) {
            body.put("page_token", page);
          }
        });
  }

  /**
   * Starts a run and returns its id.
   *
   * @param start in ms since 1970
   */
  String createRun(String experiment, String name, long start, Map<String, String> tags) {
    return post(
            "runs/create",
            body -> {
              body.put("experiment_id", experiment)
                  .put("run_name", name)
                  .put("start_time", start)
                  .set("tags", pairs(tags));
            })
        .path("run")
        .path("info")
        .path("run_id")
        .asText();
  }

  void log(
      String run,
      List<ObjectNode> metrics,
      Map<String, String> parameters,
      Map<String, String> tags) {
    post(
        "runs/log-batch",
        body -> {
          body.put("run_id", run);
          body.putArray("metrics").addAll(metrics);
          body.set("params", pairs(parameters));
          body.set("tags", pairs(tags));
        });
  }

  /** Returns a number as it was at a step. */
  ObjectNode metric(String name, double value, long at, long step) {
    return mapper
        .createObjectNode()
        .put("key", name)
        .put("value", value)
        .put("timestamp", at)
        .put("step", step);
  }

  void end(String run, boolean isFinished, long at) {
    post(
        "runs/update",
        body ->
            body.put("run_id", run)
                .put("status", isFinished ? "FINISHED" : "FAILED")
                .put("end_time", at));
  }

  void delete(String run) {
    post("runs/delete", body -> body.put("run_id", run));
  }

  private JsonNode pairs(Map<String, String> pairs) {
    var array = mapper.createArrayNode();
    pairs.forEach((key, value) -> array.addObject().put("key", key).put("value", value));
    return array;
  }

  private JsonNode post(String path, Consumer<ObjectNode> fill) {
    ObjectNode body = mapper.createObjectNode();
    fill.accept(body);
    return send(
            path,
            request ->
                request
                    .header("Content-Type", "application/json")
                    .POST(BodyPublishers.ofString(body.toString(), StandardCharsets.UTF_8)))
        .orElseThrow(() -> new TrackingException("it knows no " + path, null));
  }

  /** Sends and returns the answer; empty where the server says that there is no such thing. */
  private Optional<JsonNode> send(String path, Consumer<HttpRequest.Builder> what) {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(URI.create(address + "/api/2.0/mlflow/" + path))
            .timeout(LONGEST_ANSWER);
    authorization.ifPresent(words -> request.header("Authorization", words));
    what.accept(request);
    HttpResponse<String> response;
    try {
      response = http.send(request.build(), BodyHandlers.ofString(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new TrackingException("it does not answer", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new TrackingException("the program was told to end", e);
    }
    JsonNode answer = json(response);
    if (response.statusCode() / 100 == 2) {
      return Optional.of(answer);
    }
    if (answer.path("error_code").asText().equals(ABSENT)) {
      return Optional.empty();
    }
    String said = Shown.of(answer.path("message").asText());
    throw new TrackingException(
        "it answers with status " + response.statusCode() + (said.isEmpty() ? "" : ", " + said),
        null);
  }

  private JsonNode json(HttpResponse<String> response) {
    try {
      return mapper.readTree(response.body());
    } catch (JsonProcessingException e) {
      if (response.statusCode() / 100 == 2) {
        throw new TrackingException("it is no MLflow server: its answer is not JSON", e);
      }
      return mapper.createObjectNode();
    }
  }
}
