package org.peftsweep.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.logging.Level;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.openqa.selenium.By;
import org.openqa.selenium.Keys;
import org.openqa.selenium.WebElement;
import org.openqa.selenium.chrome.ChromeDriver;
import org.openqa.selenium.chrome.ChromeDriverService;
import org.openqa.selenium.chrome.ChromeOptions;
import org.openqa.selenium.logging.LogEntry;
import org.openqa.selenium.logging.LogType;
import org.openqa.selenium.logging.LoggingPreferences;
import org.peftsweep.method.LoRA;
import org.peftsweep.results.LocalSpark;
import org.peftsweep.results.Manifest;
import org.peftsweep.results.ResultTables;
import org.peftsweep.results.Samples;
import org.peftsweep.spec.Trial;
import org.peftsweep.train.Outcome.Status;

/** The page as a browser shows it. */
class HtmlReportTest {
  private static final Path BROWSER = Path.of("/usr/bin/chromium");
  private static final Path DRIVER = Path.of("/usr/bin/chromedriver");
  private static final String HOSTILE = "</script><script>document.title='x'</script> & \"quoted\"";

  @TempDir static Path output;
  private static SampleSweep sweep;
  private static ChromeDriver browser;

  @BeforeAll
  static void openPage() throws Exception {
    assumeTrue(
        Files.exists(BROWSER) && Files.exists(DRIVER),
        "no " + BROWSER + ": install Debian's packages chromium and chromium-driver");
    sweep = new SampleSweep(output, "s").benchmark();
    Trial failed = Samples.trial("rte", new LoRA(4, 8, 0), SampleSweep.QV, 4, 0);
    sweep.fail(failed, Status.FAILED, HOSTILE);
    Path page = Files.writeString(output.resolve("report.html"), HtmlReport.of(sweep.report()));
    LoggingPreferences logs = new LoggingPreferences();
    logs.enable(LogType.BROWSER, Level.ALL);
    ChromeOptions options =
        new ChromeOptions()
            .setBinary(BROWSER.toFile())
            .addArguments("--headless=new", "--no-sandbox", "--disable-gpu")
            .addArguments("--disable-dev-shm-usage", "--window-size=1280,900");
    options.setCapability("goog:loggingPrefs", logs);
    browser =
        new ChromeDriver(
            new ChromeDriverService.Builder().usingDriverExecutable(DRIVER.toFile()).build(),
            options);
    browser.get(page.toUri().toString());
  }

  @AfterAll
  static void closeBrowser() {
    if (browser != null) {
      browser.quit();
    }
  }

  @Test
  void loadsWithoutAWordOnTheConsole() {
    List<LogEntry> entries = browser.manage().logs().get(LogType.BROWSER).getAll();
    assertThat(entries).isEmpty();
    assertThat(browser.getTitle()).isEqualTo("s · peft-sweep");
    assertThat(browser.findElement(By.id("state")).getText())
        .isEqualTo("s: 90 of 91 trials finished, 1 ended without a score.");
    // Answer, curves, settings and scores, importance, costs.
    assertThat(browser.findElements(By.cssSelector(".chart canvas"))).hasSize(5);
  }

  @Test
  void showsWhatTheTablesSay() {
    ResultTables.of(LocalSpark.session(), sweep.folder()).register();
    List<String> asked =
        LocalSpark.session()
            .sql(
                "SELECT method_label, upper(targets), coalesce(string(rank), '—'),"
                    + " format_string('%.0f', ratio),"
                    + " format_string('%.2f', 100 * avg(score)) FROM trials"
                    + " WHERE status = 'finished' AND task = 'rte' GROUP BY ALL")
            .collectAsList()
            .stream()
            .map(Row::mkString)
            .sorted()
            .toList();
    List<String> shown = new ArrayList<>();
    for (WebElement row : rows("benchmark")) {
      List<String> cells =
          row.findElements(By.cssSelector("td span")).stream().map(WebElement::getText).toList();
      if (!cells.get(6).equals("failed")) {
        shown.add(String.join("", cells.subList(0, 4)) + cells.get(6).replaceAll(" ±.*", ""));
      }
    }
    assertThat(shown).hasSize(15);
    assertThat(shown.stream().sorted()).isEqualTo(asked);
  }

  @Test
  void sortsByHeadersWithMouseAndKeyboard() {
    WebElement score = header("benchmark", "rte");
    browser.executeScript("arguments[0].click()", score);
    assertThat(column("benchmark", 6)).first().asString().startsWith("86.50");
    score.sendKeys(Keys.ENTER);
    assertThat(column("benchmark", 6)).first().asString().startsWith("50.00");
    assertThat(score.findElement(By.xpath("..")).getAttribute("aria-sort")).isEqualTo("ascending");
    browser.executeScript("arguments[0].click()", score);
    assertThat(score.findElement(By.xpath("..")).getAttribute("aria-sort")).isNull();
    browser.executeScript("arguments[0].click()", header("benchmark", "method"));
    assertThat(column("benchmark", 0)).isSorted().first().isEqualTo("DoRA");
  }

  /** The same filter gives the same recipes in every table that has recipes. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lora qkv | 2",
        "method = lora and targets = qkv | 2",
        "method = LoRA rank <= 8 λ=4 | 1",
        "LoRA r=16 | 3",
        "method = full or rank = 4 | 4",
        "method != full and ratio > 1 and rank >= 16 | 4",
      })
  void filtersRowsByExpressions(String expression, int recipes) {
    for (String table : List.of("benchmark", "ranks", "costs")) {
      WebElement filter = browser.findElement(By.cssSelector("#" + table + " input"));
      filter.clear();
      filter.sendKeys(expression);
      List<WebElement> tasks =
          browser.findElements(By.cssSelector("#" + table + " select option[value='']"));
      tasks.forEach(WebElement::click);
      // A trial that failed has a line in the first table alone; the others have two tasks.
      int failed = expression.contains("rank = 4") || expression.contains("<= 8") ? 1 : 0;
      assertThat(rows(table).size())
          .as("%s in %s", expression, table)
          .isEqualTo(
              table.equals("benchmark")
                  ? recipes + (expression.contains("<= 8") ? failed : 0)
                  : 2 * (recipes - (expression.contains("rank = 4") ? failed : 0)));
      filter.clear();
      filter.sendKeys(" ", Keys.BACK_SPACE);
    }
    assertThat(rows("benchmark")).hasSize(16);
  }

  @Test
  void drawsTheMeanCurveOfEachRecipeOfTheChosenTask() {
    browser.findElement(By.cssSelector("#curves select option[value=rte]")).click();
    WebElement filter = browser.findElement(By.cssSelector("#curves input"));
    filter.sendKeys("method = full and ratio = 8");
    Object last =
        browser.executeScript(
            "const lines = document.querySelector('#curves .chart').chart.getOption().series;"
                + "return lines.length === 1 ? lines[0].data[1].join() : lines.length");
    assertThat(last).isEqualTo("20,50,49.75,50.25");
    filter.clear();
    filter.sendKeys(" ", Keys.BACK_SPACE);
  }

  @Test
  void answersFirst() {
    WebElement summary = browser.findElement(By.id("summary"));
    assertThat(summary.getText()).contains("is highest with 86.50 (95 % interval");
    Object shown =
        browser.executeScript(
            "const rows = document.querySelector('#summary .chart').chart.getOption();"
                + "return rows.series[0].data.length + ' ' + rows.yAxis[1].data[0]");
    assertThat(shown).isEqualTo("15 50.0K · 4.00 s");
  }

  @Test
  void leadsToATrialAndBack() {
    WebElement link = browser.findElement(By.cssSelector("#trials tbody a"));
    browser.executeScript("arguments[0].click()", link);
    WebElement trial = browser.findElement(By.id("trial"));
    String id = browser.getCurrentUrl().replaceAll(".*#trial-", "");
    assertThat(trial.getText())
        .contains("jobs/replay.sh " + id, "jobs/export.sh " + id, "learning-rate");
    browser.executeScript("location.hash = ''");
  }

  /** Text stands out from what it is written on, in both colour schemes. */
  @ParameterizedTest
  @ValueSource(strings = {"light", "dark"})
  void textHasEnoughContrast(String scheme) {
    browser.executeCdpCommand(
        "Emulation.setEmulatedMedia",
        Map.of("features", List.of(Map.of("name", "prefers-color-scheme", "value", scheme))));
    Object faint =
        browser.executeScript(
            """
            const parse = text => text.match(/[0-9.]+/g).map(Number);
            const linear = c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
            const light = rgb => .2126 * linear(rgb[0]) + .7152 * linear(rgb[1]) + .0722 * linear(rgb[2]);
            const behind = element => {
              for (let at = element; at; at = at.parentElement) {
                const rgb = parse(getComputedStyle(at).backgroundColor);
                if (rgb.length < 4 || rgb[3] > 0) return rgb;
              }
              return [255, 255, 255];
            };
            const faint = [];
            for (const element of document.querySelectorAll('td, th, p, a, h1, h2, span, summary, button, label, pre')) {
              const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
              if (!own || !element.offsetParent) continue;
              const a = light(parse(getComputedStyle(element).color)), b = light(behind(element));
              const contrast = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
              if (contrast < 4.5) faint.push(element.textContent.slice(0, 30) + ' ' + contrast.toFixed(2));
            }
            return [...new Set(faint)].join('; ');
            """);
    browser.executeCdpCommand("Emulation.setEmulatedMedia", Map.of("features", List.of()));
    assertThat(faint).isEqualTo("");
  }

  @Test
  void everyTableCanBeTakenAway() {
    assertThat(browser.findElements(By.xpath("//button[text()='CSV']")))
        .hasSizeGreaterThanOrEqualTo(browser.findElements(By.cssSelector("main table")).size() - 3);
  }

  @Test
  void navigationIsWholeOnADesktop() {
    Object hidden =
        browser.executeScript(
            "const list = document.getElementById('contents');"
                + "return list.scrollWidth - list.clientWidth");
    assertThat(((Number) hidden).intValue()).isLessThanOrEqualTo(0);
  }

  @Test
  void listsFailuresWithoutObeyingThem() {
    assertThat(column("failures", 3)).containsExactly(HOSTILE);
    assertThat(browser.getTitle()).isEqualTo("s · peft-sweep");
  }

  @Test
  void fitsAPhone() throws InterruptedException {
    browser.executeCdpCommand(
        "Emulation.setDeviceMetricsOverride",
        Map.of("width", 390, "height", 844, "deviceScaleFactor", 1, "mobile", true));
    // Charts learn of another width a little later.
    for (int i = 0; i < 100 && width() > 390; i++) {
      Thread.sleep(50);
    }
    assertThat(width()).isLessThanOrEqualTo(390);
    browser.executeCdpCommand("Emulation.clearDeviceMetricsOverride", Map.of());
  }

  private int width() {
    Object width = browser.executeScript("return document.documentElement.scrollWidth");
    return ((Number) width).intValue();
  }

  @Test
  void saysWhatIsMissingWhileTheSweepRuns(@TempDir Path other) {
    SampleSweep running = new SampleSweep(other, "running");
    Trial one = Samples.trial("rte", 0);
    running.add(one, 0.7);
    running
        .folder()
        .write(
            new Manifest(
                List.of("rte"),
                List.of(),
                List.of(0L),
                List.of(),
                Map.of(one.id(), "one", "ffff", "the one that runs"),
                List.of(),
                0));
    assertThat(HtmlReport.of(running.report()))
        .contains("1 of 2 trials finished, 1 still missing")
        .contains("the one that runs");
  }

  private static List<WebElement> rows(String section) {
    return browser.findElements(By.cssSelector("#" + section + " tbody tr"));
  }

  private static List<String> column(String section, int column) {
    return rows(section).stream()
        .map(row -> row.findElements(By.tagName("td")).get(column))
        .map(cell -> cell.findElement(By.tagName("span")).getText())
        .toList();
  }

  private static WebElement header(String section, String name) {
    return browser.findElements(By.cssSelector("#" + section + " thead button")).stream()
        .filter(button -> button.getText().equals(name))
        .findFirst()
        .orElseThrow();
  }
}
