//! A headless Chromium with an empty profile and one tab.

use crate::Error;
use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::cdp::browser_protocol::emulation::{
    SetCpuThrottlingRateParams, SetDeviceMetricsOverrideParams,
};
use chromiumoxide::cdp::browser_protocol::input::InsertTextParams;
use chromiumoxide::cdp::browser_protocol::network::{
    EmulateNetworkConditionsByRuleParams, NetworkConditions,
};
use chromiumoxide::page::Page;
use futures::StreamExt as _;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

const CHROMIUM: [&str; 3] = [
    "/usr/bin/chromium",
    "/usr/bin/chromium-browser",
    "/usr/bin/google-chrome",
];
/// How long anything may take to appear.
const PATIENCE: Duration = Duration::from_secs(30);
/// Each look is itself work for the page, so not too often.
const POLL: Duration = Duration::from_millis(50);

/// Lighthouse's slow 4G and its slow phone, as DevTools applies them.
/// Source: `throttling.mobileSlow4G` in Lighthouse's `core/config/constants.js`.
const LATENCY_MS: f64 = 150.0;
const DOWN_BYTES_PER_SECOND: f64 = 1_600_000.0 / 8.0;
const UP_BYTES_PER_SECOND: f64 = 750_000.0 / 8.0;
const CPU_SLOWDOWN: f64 = 4.0;

pub type Size = (i64, i64);

pub struct Tab {
    /// Kept, because the browser ends with it.
    browser: Browser,
    page: Page,
    profile: PathBuf,
}

impl Tab {
    /// Starts the browser; `profile` is emptied, and `watch` runs in the page before the page's own scripts.
    pub async fn start(profile: &Path, size: Size, watch: &str) -> Result<Self, Error> {
        let found = CHROMIUM.iter().map(Path::new).find(|path| path.exists());
        let chromium = found.ok_or(Error::NoChromium)?;
        let profile = std::path::absolute(profile)?;
        // What an earlier run left, if it was broken off.
        let _ = std::fs::remove_dir_all(&profile);
        let config = BrowserConfig::builder()
            .chrome_executable(chromium)
            .user_data_dir(&profile)
            .new_headless_mode()
            .no_sandbox()
            .args(["--lang=ru", "--hide-scrollbars", "--disable-dev-shm-usage"])
            .viewport(None)
            .build()
            .map_err(Error::Start)?;
        let (browser, mut handler) = Browser::launch(config).await?;
        tokio::spawn(async move { while handler.next().await.is_some() {} });
        let page = browser.new_page("about:blank").await?;
        page.evaluate_on_new_document(watch).await?;
        let (width, height) = size;
        let metrics = SetDeviceMetricsOverrideParams::new(width, height, 1.0, width < 768);
        page.execute(metrics).await?;
        Ok(Self {
            browser,
            page,
            profile,
        })
    }

    pub async fn version(&self) -> Result<String, Error> {
        Ok(self.browser.version().await?.product)
    }

    pub async fn leave(mut self) -> Result<(), Error> {
        self.browser.close().await?;
        self.browser.wait().await?;
        // A last write of the browser's helpers can come after its end; the next run removes what is left.
        let _ = std::fs::remove_dir_all(&self.profile);
        Ok(())
    }

    pub async fn slow_down(&self) -> Result<(), Error> {
        let conditions = NetworkConditions::new("", LATENCY_MS, DOWN_BYTES_PER_SECOND, UP_BYTES_PER_SECOND);
        let rules = EmulateNetworkConditionsByRuleParams::builder()
            .offline(false)
            .matched_network_conditions([conditions])
            .build()
            .map_err(Error::Start)?;
        self.page.execute(rules).await?;
        self.page
            .execute(SetCpuThrottlingRateParams::new(CPU_SLOWDOWN))
            .await?;
        Ok(())
    }

    pub async fn open(&self, url: &str) -> Result<(), Error> {
        self.page.goto(url).await?;
        self.until("document.readyState === 'complete'").await
    }

    /// What a script's expression is; null when it has no value.
    pub async fn eval(&self, expression: &str) -> Result<Value, Error> {
        let result = self.page.evaluate_expression(expression).await?;
        Ok(result.value().cloned().unwrap_or_default())
    }

    pub async fn until(&self, expression: &str) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            // While a document is being replaced nothing can be evaluated.
            let result = self.page.evaluate_expression(expression).await;
            if result.is_ok_and(|result| result.value() == Some(&Value::Bool(true))) {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(Error::Never(expression.to_owned()))
    }

    /// Presses the middle of an element with the mouse, once it is seen.
    pub async fn press(&self, selector: &str) -> Result<(), Error> {
        self.until(&format!(
            "!!document.querySelector('{selector}')?.checkVisibility({{visibilityProperty: true}})"
        ))
        .await?;
        self.page.find_element(selector).await?.click().await?;
        Ok(())
    }

    pub async fn types(&self, selector: &str, text: &str) -> Result<(), Error> {
        self.press(selector).await?;
        for character in text.chars() {
            self.page.execute(InsertTextParams::new(character)).await?;
        }
        Ok(())
    }

    pub async fn key(&self, key: &str) -> Result<(), Error> {
        self.page.find_element("html").await?.press_key(key).await?;
        Ok(())
    }

    /// How many seconds of script the page has run since it was opened.
    pub async fn script_seconds(&self) -> Result<f64, Error> {
        let metrics = self.page.metrics().await?;
        let script = metrics.iter().find(|metric| metric.name == "ScriptDuration");
        Ok(script.map_or(f64::NAN, |metric| metric.value))
    }
}
