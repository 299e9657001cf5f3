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
        .isEqualTo("s: 30 of 31 trials finished, 1 ended without a score.");
    assertThat(browser.findElements(By.cssSelector("canvas"))).hasSize(2);
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
      shown.add(String.join("", cells.subList(0, 4)) + cells.get(6));
    }
    assertThat(shown).hasSize(15);
    assertThat(shown.stream().sorted()).isEqualTo(asked);
  }

  @Test
  void sortsByHeadersWithMouseAndKeyboard() {
    WebElement score = header("benchmark", "rte");
    score.click();
    assertThat(column("benchmark", 6)).first().isEqualTo("86.50");
    score.sendKeys(Keys.ENTER);
    assertThat(column("benchmark", 6)).first().isEqualTo("50.00");
    assertThat(score.findElement(By.xpath("..")).getAttribute("aria-sort")).isEqualTo("ascending");
    header("benchmark", "method").click();
    assertThat(column("benchmark", 0)).isSorted().first().isEqualTo("DoRA");
  }

  @Test
  void filtersRowsByWords() {
    WebElement filter = browser.findElement(By.cssSelector("#benchmark input"));
    filter.sendKeys("lora qkv");
    assertThat(column("benchmark", 0)).containsExactly("LoRA", "LoRA");
    assertThat(browser.findElement(By.cssSelector("#benchmark .count")).getText())
        .isEqualTo("2 of 15 rows");
    filter.clear();
    filter.sendKeys(" ", Keys.BACK_SPACE);
    assertThat(rows("benchmark")).hasSize(15);
  }

  @Test
  void drawsOneCurveATrialOfTheChosenTask() {
    Object drawn =
        browser.executeScript(
            "return document.querySelector('#curves canvas').chart.data.datasets.length");
    assertThat(drawn).isEqualTo(15L);
    browser.findElement(By.cssSelector("#curves select option[value=rte]")).click();
    Object last =
        browser.executeScript(
            "return document.querySelector('#curves canvas').chart.data.datasets"
                + ".find(line => line.label === 'rte · full qv λ=8 · seed 0').data[1].y");
    assertThat(((Number) last).doubleValue()).isEqualTo(50.0);
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
