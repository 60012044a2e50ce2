//! A visitor: one tab of a Chromium of its own, driven by presses and keys.

use crate::machine::Chromium;
use chromiumoxide::browser::{Browser, BrowserConfig};
use chromiumoxide::cdp::IntoEventKind;
use chromiumoxide::cdp::browser_protocol::css;
use chromiumoxide::cdp::browser_protocol::emulation::{
    MediaFeature, SetDeviceMetricsOverrideParams, SetEmulatedMediaParams, SetScriptExecutionDisabledParams,
};
use chromiumoxide::cdp::browser_protocol::input::{DispatchKeyEventParams, DispatchKeyEventType};
use chromiumoxide::cdp::browser_protocol::log::{EventEntryAdded, LogEntryLevel};
use chromiumoxide::cdp::browser_protocol::network::{
    BlockPattern, EmulateNetworkConditionsByRuleParams, EventLoadingFailed, NetworkConditions,
    OverrideNetworkStateParams, SetBlockedUrLsParams,
};
use chromiumoxide::cdp::browser_protocol::page::Viewport;
use chromiumoxide::cdp::js_protocol::runtime::{
    ConsoleApiCalledType, EventConsoleApiCalled, EventExceptionThrown,
};
use chromiumoxide::element::Element;
use chromiumoxide::page::{Page, ScreenshotParams};
use futures::StreamExt as _;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How long anything may take to appear.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(20);
/// How the browser calls the source of a complaint about a request.
const NETWORK: &str = "network ";

/// Runs before the page's own scripts: counts animation frames, gathers violations, errors and layout shifts.
const WATCH: &str = "
    window.watched = {frames: 0, violations: [], errors: [], shifts: []};
    const request = window.requestAnimationFrame;
    window.requestAnimationFrame = (callback) => {
        window.watched.frames += 1;
        return request.call(window, callback);
    };
    addEventListener('securitypolicyviolation', (event) =>
        window.watched.violations.push(event.effectiveDirective + ' ' + event.blockedURI));
    addEventListener('error', (event) => window.watched.errors.push(String(event.message)));
    addEventListener('unhandledrejection', (event) => window.watched.errors.push(String(event.reason)));
    new PerformanceObserver((list) => {
        for (const shift of list.getEntries()) {
            const moved = shift.sources.map(({node, previousRect: from, currentRect: to}) =>
                (node?.outerHTML || node?.textContent || '').slice(0, 80) + ' ' + [from.y, to.y].join(' to '));
            if (!shift.hadRecentInput) window.watched.shifts.push(...moved);
        }
    }).observe({type: 'layout-shift', buffered: true});
";

/// A size of the window, in CSS pixels.
pub type Size = (i64, i64);

/// One tab.
pub struct Visitor {
    /// Kept, because the browser ends with it.
    browser: Browser,
    page: Page,
    pictures: PathBuf,
    complaints: Complaints,
}

/// What the browser's console says in red, of all documents so far.
type Complaints = Arc<Mutex<Vec<String>>>;

/// What of an event is a complaint goes to the others.
async fn gather<T: IntoEventKind + Unpin>(
    page: &Page,
    complaints: &Complaints,
    read: fn(&T) -> Option<String>,
) {
    let mut events = page.event_listener::<T>().await.unwrap();
    let complaints = Arc::clone(complaints);
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            complaints.lock().unwrap().extend(read(&event));
        }
    });
}

impl Visitor {
    /// Starts a browser with an empty profile; `name` tells this visitor's pictures from others'.
    pub async fn new(chromium: &Chromium, name: &str, size: Size) -> Self {
        let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("page").join(name);
        let profile = pictures.join("profile");
        // What an earlier run left, if it was broken off.
        let _ = std::fs::remove_dir_all(&pictures);
        std::fs::create_dir_all(&pictures).unwrap();
        let fonts = chromium.fonts.configure(&profile);
        let config = BrowserConfig::builder()
            .chrome_executable(chromium.path)
            .env("FONTCONFIG_FILE", fonts.to_string_lossy())
            .user_data_dir(&profile)
            .new_headless_mode()
            .no_sandbox()
            .args(["--lang=ru", "--hide-scrollbars", "--disable-dev-shm-usage"])
            .window_size(1440, 900)
            .viewport(None)
            .build()
            .unwrap();
        let (browser, mut handler) = Browser::launch(config).await.unwrap();
        tokio::spawn(async move { while handler.next().await.is_some() {} });
        let page = browser.new_page("about:blank").await.unwrap();
        page.evaluate_on_new_document(WATCH).await.unwrap();
        let complaints = Complaints::default();
        gather(&page, &complaints, |EventEntryAdded { entry }| {
            let place = entry.url.as_deref().unwrap_or_default();
            let told = format!("{} {} {place}", entry.source.as_ref(), entry.text);
            (entry.level == LogEntryLevel::Error).then_some(told)
        })
        .await;
        gather(&page, &complaints, |event: &EventConsoleApiCalled| {
            let is_error = event.r#type == ConsoleApiCalledType::Error;
            is_error.then(|| format!("console {:?}", event.args))
        })
        .await;
        gather(&page, &complaints, |event: &EventExceptionThrown| {
            Some(format!("exception {}", event.exception_details.text))
        })
        .await;
        // The console says nothing of a request that never was made.
        gather(&page, &complaints, |event: &EventLoadingFailed| {
            let reason = event.blocked_reason.as_ref()?;
            Some(format!("{NETWORK}blocked: {}", reason.as_ref()))
        })
        .await;
        let visitor = Self {
            browser,
            page,
            pictures,
            complaints,
        };
        visitor.resize(size).await;
        visitor
    }

    /// For what only one kind of test does.
    pub const fn tab(&self) -> &Page {
        &self.page
    }

    /// Ends the browser.
    pub async fn leave(mut self) {
        self.browser.close().await.unwrap();
        self.browser.wait().await.unwrap();
        // A last write of the browser's helpers can come after its end; the next run removes what is left.
        let _ = std::fs::remove_dir_all(self.pictures.join("profile"));
    }

    /// Makes the window as large as that.
    pub async fn resize(&self, (width, height): Size) {
        let mobile = width < 768;
        let metrics = SetDeviceMetricsOverrideParams::new(width, height, 1.0, mobile);
        self.page.execute(metrics).await.unwrap();
    }

    /// Goes to an address.
    pub async fn open(&self, url: &str) {
        self.page.goto(url).await.unwrap();
    }

    /// Loads the page again.
    pub async fn reload(&self) {
        self.page.reload().await.unwrap();
        self.until("document.readyState === 'complete'").await;
    }

    /// What a script's expression is.
    pub async fn eval(&self, expression: &str) -> Value {
        let result = self.page.evaluate_expression(expression).await;
        result
            .unwrap_or_else(|error| panic!("{expression}: {error}"))
            .value()
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until an expression is true.
    pub async fn until(&self, expression: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while tokio::time::Instant::now() < deadline {
            // While a document is being replaced nothing can be evaluated.
            let result = self.page.evaluate_expression(expression).await;
            if result.is_ok_and(|result| result.value() == Some(&Value::Bool(true))) {
                return;
            }
            tokio::time::sleep(POLL).await;
        }
        self.picture("failure").await;
        panic!("never became true: {expression}");
    }

    /// Waits until nothing is animated.
    pub async fn is_at_rest(&self) {
        self.until("document.getAnimations().every((one) => one.playState !== 'running')")
            .await;
    }

    /// Waits until something is seen.
    pub async fn sees(&self, selector: &str) {
        self.until(&format!(
            "!!document.querySelector('{selector}')?.checkVisibility({{visibilityProperty: true}})"
        ))
        .await;
    }

    /// Waits until a text is seen.
    pub async fn reads(&self, text: &str) {
        self.until(&format!(
            "document.body.innerText.replaceAll('\\u00a0', ' ').includes('{text}')"
        ))
        .await;
    }

    /// Presses the middle of an element with the mouse, as a person does.
    pub async fn press(&self, selector: &str) {
        self.sees(selector).await;
        self.element(selector).await.click().await.unwrap();
    }

    async fn element(&self, selector: &str) -> Element {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            // The protocol's numbers of elements are void for a moment after a document was replaced.
            match self.page.find_element(selector).await {
                Ok(element) => return element,
                Err(error) => assert!(tokio::time::Instant::now() < deadline, "{selector}: {error}"),
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Types into the field, after what is there, key by key: what moves while a person types is no layout shift.
    pub async fn types(&self, selector: &str, text: &str) {
        self.press(selector).await;
        self.key("End").await;
        for character in text.chars() {
            for kind in [DispatchKeyEventType::KeyDown, DispatchKeyEventType::KeyUp] {
                let mut event = DispatchKeyEventParams::new(kind.clone());
                event.key = Some(character.to_string());
                event.text = (kind == DispatchKeyEventType::KeyDown).then(|| character.to_string());
                self.page.execute(event).await.unwrap();
            }
        }
    }

    /// Presses a key.
    pub async fn key(&self, key: &str) {
        self.element("html").await.press_key(key).await.unwrap();
    }

    /// Chooses an option of a question, both counted from 0, and waits for what comes after.
    pub async fn answer(&self, question: usize, option: usize) {
        let shown = format!(
            "document.getElementById('q{}').checkVisibility({{visibilityProperty: true}})",
            question + 1
        );
        self.until(&shown).await;
        self.press(&format!(
            ".question:not([hidden]) .option:nth-child({})",
            option + 1
        ))
        .await;
        self.until(&format!("!{shown}")).await;
    }

    /// The font in which an element's text is shown.
    pub async fn font(&self, selector: &str) -> String {
        let node = self.element(selector).await.node_id;
        self.page.execute(css::EnableParams::default()).await.unwrap();
        let fonts = self.page.execute(css::GetPlatformFontsForNodeParams::new(node));
        let fonts = fonts.await.unwrap().result.fonts;
        fonts.into_iter().map(|font| font.family_name).collect()
    }

    /// Whether the visitor wants less motion.
    pub async fn prefers_reduced_motion(&self) {
        let feature = MediaFeature::new("prefers-reduced-motion", "reduce");
        let media = SetEmulatedMediaParams::builder().feature(feature).build();
        self.page.execute(media).await.unwrap();
    }

    /// Takes the network away, or gives it back.
    pub async fn is_offline(&self, offline: bool) {
        self.network(offline, 0.0, -1.0).await;
        let state = OverrideNetworkStateParams::new(offline, 0.0, -1.0, -1.0);
        self.page.execute(state).await.unwrap();
    }

    /// Has a network as slow as Lighthouse's "slow 4G", or a fast one again.
    pub async fn is_slow(&self, slow: bool) {
        let (latency_ms, bytes_per_second) = if slow { (150.0, 200_000.0) } else { (0.0, -1.0) };
        self.network(false, latency_ms, bytes_per_second).await;
    }

    async fn network(&self, offline: bool, latency_ms: f64, bytes_per_second: f64) {
        let conditions = NetworkConditions::new("", latency_ms, bytes_per_second, bytes_per_second);
        let rules = EmulateNetworkConditionsByRuleParams::builder()
            .offline(offline)
            .matched_network_conditions([conditions])
            .build()
            .unwrap();
        self.page.execute(rules).await.unwrap();
    }

    /// Switches JavaScript off.
    pub async fn has_no_scripts(&self) {
        self.page
            .execute(SetScriptExecutionDisabledParams::new(true))
            .await
            .unwrap();
    }

    /// Opens another tab over this one.
    pub async fn looks_away(&self) {
        let other = self.browser.new_page("about:blank").await.unwrap();
        other.bring_to_front().await.unwrap();
        self.until("document.hidden").await;
    }

    /// How many frames the page asks for in `span`.
    pub async fn frames_in(&self, span: Duration) -> u64 {
        let before = self.eval("watched.frames").await.as_u64().unwrap();
        tokio::time::sleep(span).await;
        self.eval("watched.frames").await.as_u64().unwrap() - before
    }

    /// Blocks every host but this machine, as ad blockers and company networks do: only this machine's pages come
    /// without TLS.
    pub async fn blocks_third_parties(&self) {
        let blocked = BlockPattern::new("https://*:*/*", true);
        self.page
            .execute(SetBlockedUrLsParams::builder().url_pattern(blocked).build())
            .await
            .unwrap();
    }

    /// Requests that failed, with the reason, and with the address where they were made.
    pub fn failed_requests(&self) -> Vec<String> {
        let complaints = self.complaints.lock().unwrap();
        let network = complaints.iter().filter(|one| one.starts_with(NETWORK));
        network.cloned().collect()
    }

    /// Nothing was forbidden, nothing threw, nothing jumped, nothing stands out of the window. What requests came to
    /// is told by `failed_requests`.
    pub async fn had_no_trouble(&self) {
        let mut complaints = self.complaints.lock().unwrap().clone();
        complaints.retain(|one| !one.starts_with(NETWORK));
        assert_eq!(complaints, [""; 0]);
        assert_eq!(
            self.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                .await,
            0
        );
        let watched = self.eval("watched").await;
        assert_eq!(watched["violations"], serde_json::json!([]));
        assert_eq!(watched["errors"], serde_json::json!([]));
        assert_eq!(watched["shifts"], serde_json::json!([]));
    }

    /// Leaves a picture of the whole page in the target directory.
    pub async fn picture(&self, state: &str) {
        // Once what comes into view has come.
        tokio::time::sleep(Duration::from_millis(400)).await;
        let area = self
            .eval("[innerWidth, Math.max(innerHeight, document.body.scrollHeight)]")
            .await;
        let side = |at: usize| area[at].as_f64().unwrap_or_default();
        // A picture of the "full page" would reset the size of the window.
        let whole = ScreenshotParams::builder()
            .capture_beyond_viewport(true)
            .clip(Viewport {
                x: 0.0,
                y: 0.0,
                width: side(0),
                height: side(1),
                scale: 1.0,
            })
            .build();
        let png = self.page.screenshot(whole).await.unwrap();
        std::fs::write(self.pictures.join(format!("{state}.png")), png).unwrap();
    }
}
