package org.peftsweep.report;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** The part of MLflow's REST API (version 2.0) that logging needs, in memory; notes every call. */
public final class TrackingServer implements AutoCloseable {
  private static final String ROOT = "/api/2.0/mlflow/";

  private final JsonMapper mapper = new JsonMapper();
  private final HttpServer server;

  /** Paths of all calls, below the API's root. */
  public final List<String> calls = Collections.synchronizedList(new ArrayList<>());

  /** Runs by id, as JSON with info and data. */
  public final Map<String, ObjectNode> runs = Collections.synchronizedMap(new LinkedHashMap<>());

  /** Who asked, of each call that said so. */
  public final List<String> authorizations = Collections.synchronizedList(new ArrayList<>());

  /** Calls of this path are answered with a fault. */
  public volatile String broken = "";

  private volatile String experiment;

  public TrackingServer() throws IOException {
    server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    server.createContext(ROOT, this::answer);
    server.start();
  }

  public String uri() {
    return "http://127.0.0.1:" + server.getAddress().getPort();
  }

  @Override
  public void close() {
    server.stop(0);
  }

  private void answer(HttpExchange exchange) throws IOException {
    String path = exchange.getRequestURI().getPath().substring(ROOT.length());
    calls.add(path);
    Optional.ofNullable(exchange.getRequestHeaders().getFirst("Authorization"))
        .ifPresent(authorizations::add);
    byte[] body = exchange.getRequestBody().readAllBytes();
    JsonNode asked = body.length == 0 ? mapper.createObjectNode() : mapper.readTree(body);
    int status = 200;
    ObjectNode answer = mapper.createObjectNode();
    if (path.equals(broken)) {
      status = 500;
      answer.put("error_code", "INTERNAL_ERROR").put("message", "out of order");
    } else if (path.equals("experiments/get-by-name") && experiment == null) {
      status = 404;
      answer.put("error_code", "RESOURCE_DOES_NOT_EXIST").put("message", "no such experiment");
    } else {
      handle(path, asked, answer);
    }
    byte[] text = mapper.writeValueAsBytes(answer);
    exchange.getResponseHeaders().set("Content-Type", "application/json");
    exchange.sendResponseHeaders(status, text.length);
    exchange.getResponseBody().write(text);
    exchange.close();
  }

  private void handle(String path, JsonNode asked, ObjectNode answer) {
    switch (path) {
      case "experiments/get-by-name" ->
          answer.putObject("experiment").put("experiment_id", "7").put("name", experiment);
      case "experiments/create" -> {
        experiment = asked.get("name").asText();
        answer.put("experiment_id", "7");
      }
      case "runs/search" -> {
        ArrayNode found = answer.putArray("runs");
        runs.values().forEach(found::add);
      }
      case "runs/create" -> {
        String id = "run" + runs.size();
        ObjectNode run = mapper.createObjectNode();
        run.putObject("info")
            .put("run_id", id)
            .put("run_uuid", id)
            .put("experiment_id", asked.get("experiment_id").asText())
            .put("run_name", asked.path("run_name").asText())
            .put("status", "RUNNING");
        ObjectNode data = run.putObject("data");
        data.putArray("metrics");
        data.putArray("params");
        data.putArray("tags").addAll((ArrayNode) asked.get("tags"));
        runs.put(id, run);
        answer.set("run", run);
      }
      case "runs/log-batch" -> {
        ObjectNode data = (ObjectNode) runs.get(asked.get("run_id").asText()).get("data");
        for (String part : List.of("metrics", "params", "tags")) {
          asked.path(part).forEach(((ArrayNode) data.get(part))::add);
        }
      }
      case "runs/update" -> {
        ObjectNode info = (ObjectNode) runs.get(asked.get("run_id").asText()).get("info");
        info.set("status", asked.get("status"));
        answer.set("run_info", info);
      }
      case "runs/delete" -> runs.remove(asked.get("run_id").asText());
      default -> throw new IllegalStateException("Cannot answer " + path);
    }
  }
}
