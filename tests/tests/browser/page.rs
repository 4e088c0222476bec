//! What a person does in a browser, in their words: fields by their labels, buttons and links by what they say. All waits are for what
//! is wanted, never for a time. `scripts/page.js` says how a name is found.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use comptoir_tests::harness::{Api, World, until};
use fantoccini::actions::{
    InputSource, KeyAction, KeyActions, MOUSE_BUTTON_LEFT, MouseActions, PointerAction,
};
use fantoccini::elements::{Element, ElementRef};
use fantoccini::key::Key;
use fantoccini::wd::WindowHandle;
use serde_json::{Value, json};

use crate::driver::Driver;
use crate::watch::{Load, Watch};

const PAGE: &str = include_str!("scripts/page.js");
const LIMIT: Duration = Duration::from_secs(15);
/// More stops than any page has.
const STOPS: usize = 400;
/// More rows than a list of choices has.
const CHOICES: usize = 10;

/// How the person works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hands {
    Pointer,
    /// The keyboard alone: to whatever is used, Tab leads, and one sees that it is there.
    Keyboard,
}

/// What the page is looked at with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) width: u32,
    pub(crate) is_dark: bool,
    /// `fr` or `en`, as long as nobody has chosen one in the profile.
    pub(crate) language: &'static str,
}

pub(crate) const DESK: Look = Look { width: 1280, is_dark: false, language: "fr" };
pub(crate) const PHONE: Look = Look { width: 390, is_dark: false, language: "fr" };

/// A browser with one page open.
pub(crate) struct Browser {
    pub(crate) driver: Driver,
    pub(crate) hands: Hands,
    root: String,
    watch: Watch,
}

impl Browser {
    pub(crate) async fn open(world: &World, api: &Api, look: Look) -> Result<Self> {
        let (driver, root) = (Driver::start(world).await?, api.http.root().to_owned());
        let watch = Watch::new(&root);
        let browser = Self { driver, hands: Hands::Pointer, root, watch };
        browser.look(look).await?;
        Ok(browser)
    }

    /// Changes the screen, the theme and the language. The page that is open keeps its language until the next one.
    pub(crate) async fn look(&self, look: Look) -> Result<()> {
        let is_phone = look.width < 600;
        let (height, theme) = (if is_phone { 844 } else { 900 }, if look.is_dark { "dark" } else { "light" });
        let screen =
            json!({"width": look.width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone});
        self.driver.cdp("Emulation.setDeviceMetricsOverride", screen).await?;
        self.driver.cdp("Emulation.setTouchEmulationEnabled", json!({"enabled": is_phone})).await?;
        let features = json!([{"name": "prefers-color-scheme", "value": theme}]);
        self.driver.cdp("Emulation.setEmulatedMedia", json!({"features": features})).await?;
        let headers = json!({"headers": {"Accept-Language": look.language}});
        self.driver.cdp("Network.setExtraHTTPHeaders", headers).await?;
        Ok(())
    }

    // ---- pages

    pub(crate) async fn go(&self, path: &str) -> Result<()> {
        Ok(self.driver.client.goto(&format!("{}{path}", self.root)).await?)
    }

    /// The tab that is looked at.
    pub(crate) async fn tab(&self) -> Result<WindowHandle> {
        Ok(self.driver.client.window().await?)
    }

    /// Opens another tab of this browser and looks at that one.
    pub(crate) async fn open_tab(&self, look: Look) -> Result<()> {
        let tab = self.driver.client.new_window(true).await?.handle;
        self.turn_to(&tab).await?;
        self.driver.cdp("Network.enable", json!({})).await?;
        self.look(look).await
    }

    pub(crate) async fn turn_to(&self, tab: &WindowHandle) -> Result<()> {
        Ok(self.driver.client.switch_to_window(tab.clone()).await?)
    }

    /// Closes the tab that is looked at, and looks at this one.
    pub(crate) async fn close_tab(&self, then: &WindowHandle) -> Result<()> {
        self.driver.client.close_window().await?;
        self.turn_to(then).await
    }

    pub(crate) async fn reload(&self) -> Result<()> {
        Ok(self.driver.client.refresh().await?)
    }

    /// The path of the page, with its query.
    pub(crate) async fn path(&self) -> Result<String> {
        let url = self.driver.client.current_url().await?;
        Ok(url.as_str().strip_prefix(&self.root).unwrap_or(url.as_str()).to_owned())
    }

    /// What can be read on the page, with plain spaces and apostrophes.
    pub(crate) async fn text(&self) -> Result<String> {
        Ok(self.run("text", &[]).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Waits until this can be read on the page.
    pub(crate) async fn sees(&self, text: &str) -> Result<()> {
        until(format!("«{text}»"), LIMIT, async || {
            let page = self.text().await?;
            ensure!(page.contains(text), "{}: {page}", self.path().await?);
            Ok(())
        })
        .await
    }

    /// Loads the page again until this can be read on it.
    pub(crate) async fn sees_later(&self, text: &str, limit: Duration) -> Result<()> {
        until(format!("«{text}» on a page that is loaded again"), limit, async || {
            self.reload().await?;
            let page = self.text().await?;
            ensure!(page.contains(text), "{}: {page}", self.path().await?);
            Ok(())
        })
        .await
    }

    /// Waits until a screen reader is told this.
    pub(crate) async fn hears(&self, text: &str) -> Result<()> {
        self.hears_within(text, LIMIT).await
    }

    pub(crate) async fn hears_within(&self, text: &str, limit: Duration) -> Result<()> {
        until(format!("«{text}» in a live region"), limit, async || {
            let told = self.run("told", &[]).await?;
            let is_told = told
                .as_array()
                .into_iter()
                .flatten()
                .any(|one| one.as_str().is_some_and(|one| one.contains(text)));
            ensure!(is_told, "{}: {told}", self.path().await?);
            Ok(())
        })
        .await
    }

    /// Waits until a row of the list has this.
    pub(crate) async fn lists(&self, text: &str) -> Result<()> {
        until(format!("a row with «{text}»"), LIMIT, async || {
            let rows = self.run("rows", &[]).await?;
            ensure!(rows.as_str().is_some_and(|rows| rows.contains(text)), "{}: {rows}", self.path().await?);
            Ok(())
        })
        .await
    }

    pub(crate) async fn lacks(&self, text: &str) -> Result<()> {
        let page = self.text().await?;
        ensure!(!page.contains(text), "«{text}» is on {}: {page}", self.path().await?);
        Ok(())
    }

    // ---- fields, buttons, links

    /// Types into a field, over what is there.
    pub(crate) async fn fill(&self, label: &str, text: &str) -> Result<()> {
        self.enter("field", label).await?;
        let field = self.driver.client.active_element().await?;
        field.send_keys(&format!("{}a{}{}", Key::Control, Key::Null, Key::Backspace)).await?;
        field.send_keys(text).await?;
        Ok(())
    }

    /// Types into a combobox, and takes the choice that has this.
    pub(crate) async fn choose(&self, label: &str, text: &str, choice: &str) -> Result<()> {
        self.fill(label, text).await?;
        let option = self.find("option", choice).await?;
        if self.hands == Hands::Pointer {
            option.click().await?;
        } else {
            let pointed = async || {
                Ok::<_, anyhow::Error>(
                    self.run("pointed", &[]).await?.as_str().unwrap_or_default().to_owned(),
                )
            };
            for _ in 0..CHOICES {
                self.key(Key::Down).await?;
                if pointed().await?.contains(choice) {
                    break;
                }
            }
            ensure!(pointed().await?.contains(choice), "the arrow does not lead to «{choice}»");
            self.key(Key::Enter).await?;
        }
        until(format!("«{choice}» in {label}"), LIMIT, async || {
            ensure!(self.run("open", &[]).await? == false, "the list is still open");
            Ok(())
        })
        .await
    }

    /// Chooses in a list of few choices.
    pub(crate) async fn select(&self, label: &str, choice: &str) -> Result<()> {
        if self.hands == Hands::Keyboard {
            self.enter("field", label).await?;
            return Ok(self.driver.client.active_element().await?.send_keys(choice).await?);
        }
        let list = self.find("field", label).await?;
        let index = self.run("pick", &[serde_json::to_value(&list)?, json!(choice)]).await?;
        let index = index.as_u64().with_context(|| format!("no «{choice}» in «{label}»"))?;
        Ok(list.select_by_index(usize::try_from(index)?).await?)
    }

    pub(crate) async fn value(&self, label: &str) -> Result<String> {
        Ok(self.run("value", &[json!(label)]).await?.as_str().unwrap_or_default().to_owned())
    }

    /// Presses a button or a link that does something on this page.
    pub(crate) async fn press(&self, name: &str) -> Result<()> {
        if self.hands == Hands::Keyboard {
            self.enter("control", name).await?;
            return self.key(Key::Enter).await;
        }
        Ok(self.find("control", name).await?.click().await?)
    }

    /// Presses a button or a link that leads to another page, and waits for that page.
    pub(crate) async fn follow(&self, name: &str) -> Result<()> {
        self.leaves(async || self.press(name).await).await.with_context(|| format!("following «{name}»"))
    }

    /// Presses twice, as quickly as a pointer can.
    pub(crate) async fn double_press(&self, name: &str) -> Result<()> {
        let element = self.find("control", name).await?;
        self.leaves(async || {
            let mut twice = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveToElement {
                element: element.clone(),
                duration: None,
                x: 0.0,
                y: 0.0,
            });
            for _ in 0..2 {
                twice = twice
                    .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
                    .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
            }
            Ok(self.driver.client.perform_actions(twice).await?)
        })
        .await
    }

    pub(crate) async fn key(&self, key: Key) -> Result<()> {
        let value = char::from(key);
        let keys =
            KeyActions::new("keys".to_owned()).then(KeyAction::Down { value }).then(KeyAction::Up { value });
        Ok(self.driver.client.perform_actions(keys).await?)
    }

    /// Types where the focus is, key by key, as a scanner does.
    pub(crate) async fn write(&self, text: &str) -> Result<()> {
        let keys = text.chars().fold(KeyActions::new("keys".to_owned()), |keys, value| {
            keys.then(KeyAction::Down { value }).then(KeyAction::Up { value })
        });
        Ok(self.driver.client.perform_actions(keys).await?)
    }

    /// The status with which the page was answered.
    pub(crate) async fn status(&self) -> Result<u64> {
        self.run("status", &[]).await?.as_u64().context("a status")
    }

    /// What has the focus, if anything has.
    pub(crate) async fn focused(&self) -> Result<Option<String>> {
        Ok(self.run("focused", &[]).await?["name"].as_str().map(str::to_owned))
    }

    /// The first of this name that can be seen; waits for it.
    pub(crate) async fn find(&self, kind: &str, name: &str) -> Result<Element> {
        until(format!("the {kind} «{name}»"), LIMIT, async || {
            let found = self.run("find", &[json!(kind), json!(name)]).await?;
            match found.as_object().and_then(|reference| reference.values().next()).and_then(Value::as_str) {
                Some(id) => {
                    Ok(Element::from_element_id(self.driver.client.clone(), ElementRef::from(id.to_owned())))
                }
                None => bail!("{}: {}", self.path().await?, self.text().await?),
            }
        })
        .await
    }

    /// Goes through everything that Tab leads to, once, and says what one would not see there.
    pub(crate) async fn unseen_stops(&self) -> Result<Vec<String>> {
        let (mut unseen, mut seen) = (Vec::new(), 0);
        for _ in 0..STOPS {
            self.key(Key::Tab).await?;
            let stop = self.run("focused", &[]).await?;
            if stop.is_null() {
                break; // Behind the last one.
            }
            seen += 1;
            if stop["isVisible"] != true || stop["isFree"] != true {
                unseen.push(stop.to_string());
            }
            if self.run("isMarked", &[]).await? == true {
                break; // The first one again.
            }
        }
        ensure!(seen > 0, "Tab leads nowhere on {}", self.path().await?);
        Ok(unseen)
    }

    /// Puts the focus on something, as the person does.
    async fn enter(&self, kind: &str, name: &str) -> Result<()> {
        let element = self.find(kind, name).await?;
        if self.hands == Hands::Pointer {
            return Ok(element.click().await?);
        }
        for _ in 0..STOPS {
            if self.run("isFocused", &[json!(kind), json!(name)]).await? == true {
                let stop = self.run("focused", &[]).await?;
                ensure!(
                    stop["isVisible"] == true && stop["isFree"] == true,
                    "one does not see the focus: {stop}"
                );
                return Ok(());
            }
            self.key(Key::Tab).await?;
        }
        bail!("Tab does not lead to the {kind} «{name}» of {}", self.path().await?)
    }

    /// Does something, and waits for the page that comes then.
    async fn leaves(&self, act: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
        let before = self.run("born", &[]).await?;
        act().await?;
        until("another page", LIMIT, async || {
            let now = self.run("born", &[]).await?;
            ensure!(now.is_number() && now != before, "it is still {}", self.path().await?);
            Ok(())
        })
        .await
    }

    /// Runs a function of `scripts/page.js`.
    pub(crate) async fn run(&self, function: &str, arguments: &[Value]) -> Result<Value> {
        let mut all = vec![json!(function)];
        all.extend_from_slice(arguments);
        self.driver.client.execute(PAGE, all).await.with_context(|| function.to_owned())
    }

    // ---- what went wrong

    /// An answer with this status is what the test wants.
    pub(crate) fn allow(&mut self, status: u16) {
        self.watch.allow(status);
    }

    /// The test takes the server away: requests that nobody answers are what it wants.
    pub(crate) fn allow_silence(&mut self) {
        self.watch.allow_silence();
    }

    /// # Errors
    /// Fails if the browser complained of anything since it started.
    pub(crate) async fn nothing_wrong(&mut self) -> Result<()> {
        let complaints = self.watch.complaints(&self.driver).await?;
        ensure!(complaints.is_empty(), "the browser complains:\n{}", complaints.join("\n"));
        Ok(())
    }

    /// What was loaded since the last call.
    pub(crate) async fn loads(&mut self) -> Result<Vec<Load>> {
        self.watch.loads(&self.driver).await
    }

    /// What moved on this page without anybody's doing.
    pub(crate) async fn shifts(&self) -> Result<Vec<Value>> {
        Ok(self.run("shifts", &[]).await?.as_array().cloned().unwrap_or_default())
    }
}
