"""The demo page in a real browser: first what holds on any server, then what needs known answers."""

import pytest

pytestmark = pytest.mark.browser

CARDS = "palate-chat .card[data-item]"
FIRST_SLATE_MS = 300_000


@pytest.fixture(params=["mock", pytest.param("real", marks=pytest.mark.slow)])
def url(request):
    return request.getfixturevalue(f"{request.param}_url")


def open_page(page, url, query=""):
    page.goto(f"{url}/?{query}")
    page.wait_for_selector(CARDS, timeout=FIRST_SLATE_MS)


def wait(page, what, arg=None):
    """Wait until an expression is true; in it, ``root`` is the widget's shadow root."""
    page.wait_for_function(f"arg => {{ const root = document.querySelector('palate-chat').shadowRoot; return {what}; }}", arg=arg)


def posted(page, path):
    """Return a list that fills with what is sent to ``path``."""
    bodies = []
    page.on("request", lambda request: bodies.append(request.post_data_json) if request.url.endswith(path) else None)
    return bodies


def say(page, text):
    page.locator("palate-chat input").fill(text)
    page.keyboard.press("Enter")
    page.wait_for_selector("palate-chat .turn.palate[aria-busy=false]", timeout=60_000)


def test_slate_has_films_and_music_with_reasons(page, url):
    open_page(page, url)
    cards = page.locator(CARDS)
    assert 1 < cards.count() <= 6
    assert {"Film", "Music"} <= set(page.locator("palate-chat .kind").all_inner_texts())
    first = cards.first
    assert first.locator(".badge").inner_text() in {"written by the model", "plain"}
    assert first.locator(".reason").inner_text().strip()
    wait(page, "[...root.querySelectorAll('.front')].some(image => image.naturalWidth)")
    assert page.hosts == {url.split("/")[2]}


def test_why_reads_the_record_and_gives_the_focus_back(page, url):
    open_page(page, url)
    asked = posted(page, "/v1/explanations")
    button = page.locator(f"{CARDS} [part=why-button]").first
    button.click()
    page.wait_for_selector("palate-chat .why .place", timeout=30_000)
    item = page.locator(CARDS).first.get_attribute("data-item")
    assert asked[0]["item_id"] == item
    assert button.get_attribute("aria-expanded") == "true"
    assert page.locator("palate-chat .why .reason").count() >= 1
    assert page.locator("palate-chat .evidence").count() >= 1
    wait(page, "![...root.querySelectorAll('.what')].some(e => e.textContent === '…')")
    page.keyboard.press("Escape")
    assert page.locator("palate-chat .why").count() == 0
    assert page.evaluate("document.querySelector('palate-chat').shadowRoot.activeElement.part.value") == "why-button"


def test_chat_streams_an_answer_and_brings_its_slate(page, url):
    open_page(page, url)
    say(page, "something like Alien but funny")
    assert page.locator("palate-chat .turn.person .said").inner_text() == "something like Alien but funny"
    assert page.locator("palate-chat .turn.palate .said").inner_text().strip()
    assert "something like Alien but funny" in page.locator("palate-chat h2").inner_text()
    assert page.locator(CARDS).count() >= 1
    page.locator("palate-chat .back-to").click()
    wait(page, "root.querySelector('h2').textContent === 'For you'")


def test_an_opinion_is_saved_and_shows_in_the_history(page, url):
    open_page(page, url)
    sent = posted(page, "/v1/events")
    # The last card: the canned server refuses an opinion of Alien once.
    last = page.locator(CARDS).last
    item = last.get_attribute("data-item")
    last.locator("[part=like]").click()
    page.wait_for_selector("palate-chat .soft.accent", timeout=30_000)
    assert last.locator("[part=like]").get_attribute("aria-pressed") == "true"
    assert sent == [{"person_id": "demo-1", "platform": "palate", "item_id": item, "verb": "like"}]
    page.wait_for_selector('.platform[data-platform="palate"]', timeout=30_000)
    page.locator("palate-chat [part=refresh]").click()
    page.wait_for_selector("palate-chat .soft.accent", state="detached", timeout=60_000)


def test_a_platform_left_out_is_named_by_no_evidence(page, url):
    open_page(page, url)
    asked = posted(page, "/v1/recommendations")
    page.wait_for_selector('.platform[data-platform="spotify"] li', timeout=30_000)
    before = page.locator(CARDS).evaluate_all("all => all.map(e => e.dataset.item)")
    with page.expect_response(lambda r: r.url.endswith("/v1/recommendations"), timeout=60_000):
        page.locator('.platform[data-platform="spotify"] .leave').click()
    assert asked[-1]["without_platforms"] == ["spotify"]
    ids = "[...root.querySelectorAll('.card[data-item]')].map(e => e.dataset.item).join()"
    wait(page, f"{ids} && {ids} !== arg", ",".join(before))
    assert "Spotify" not in page.locator(f"{CARDS} .chip").all_inner_texts()


def test_both_platforms_stand_side_by_side(page, url):
    open_page(page, url)
    page.wait_for_selector('.platform[data-platform="spotify"] li', timeout=30_000)
    netflix, spotify = (page.locator(f'.platform[data-platform="{name}"]').bounding_box() for name in ("netflix", "spotify"))
    assert netflix["y"] == spotify["y"]
    assert netflix["x"] + netflix["width"] <= spotify["x"]


def test_language_is_of_the_page_and_of_the_requests(page, url):
    asked = posted(page, "/v1/recommendations")
    open_page(page, url, "lang=zh")
    assert page.locator("palate-chat h2").inner_text() == "为你推荐"
    assert asked[-1]["language"] == "zh"
    page.locator("#language label").first.click()
    wait(page, "root.querySelector('h2').textContent === 'For you'")
    assert page.evaluate("document.documentElement.lang") == "en"


@pytest.mark.parametrize(("width", "size"), [(360, "s"), (390, "s"), (820, "m"), (1280, "l"), (1920, "tv")])
def test_nothing_sticks_out_at_any_width(page, mock_url, width, size):
    page.set_viewport_size({"width": width, "height": 900})
    open_page(page, mock_url)
    assert page.locator("palate-chat .shell").get_attribute("data-size") == size
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("palate-chat [part=why-button]").nth(1).click()
    page.wait_for_selector("palate-chat .why .place")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


PARTS = {"text-mixed": (900, 1742), "image": (500, 1742), "audio": (3, 60), "llm explain": (0, 1), "llm understand": (0, 1)}


def indexing(page):
    """Let the page find five parts under way."""
    parts = {name: {"done": done, "total": total, "error": None} for name, (done, total) in PARTS.items()}
    page.route("**/readyz", lambda route: route.fulfill(json={"ready": True, "parts": parts}))


def test_on_a_phone_what_is_indexed_is_one_line_that_opens(page, mock_url):
    page.set_viewport_size({"width": 390, "height": 844})
    indexing(page)
    open_page(page, mock_url)
    page.wait_for_selector("#index summary")
    assert page.locator("#index").bounding_box()["height"] < 40
    assert page.locator("#share").inner_text() == "17%"
    top = "e => e.getBoundingClientRect().top + scrollY"
    assert page.locator("palate-chat").evaluate(top) < 844 / 2
    assert page.locator("palate-chat .talk").evaluate(top) < 920
    page.locator("#index summary").click()
    assert page.locator("#index progress").first.is_visible()
    assert page.locator("#index progress").count() == 5
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_what_is_indexed_has_plain_names_in_both_languages(page, mock_url):
    indexing(page)
    open_page(page, mock_url)
    page.wait_for_selector("#index progress")
    assert {"Language model for reasons", "Language model for wishes"} <= set(page.locator(".part div span").all_inner_texts())
    page.locator("#language label").last.click()
    page.wait_for_selector("#parts:has-text('写理由的语言模型')", timeout=10_000)
    assert not [name for name in page.locator(".part div span").all_inner_texts() if name in PARTS]


def test_a_slate_without_its_model_says_so_in_plain_words(page, mock_url):
    open_page(page, mock_url)
    say(page, "quick now")
    notes = page.locator("palate-chat .stage .degraded").all_inner_texts()
    assert notes[0].startswith("The language model was left out")
    assert "Similar content" in notes[1]


def test_a_refused_opinion_is_undone_and_can_be_tried_again(page, mock_url):
    open_page(page, mock_url, "person=demo-2")
    card = page.locator('palate-chat .card[data-item="ml-183"]')
    card.locator("[part=dislike]").click()
    card.locator(".trouble .link").wait_for()
    assert card.locator("[part=dislike]").get_attribute("aria-pressed") == "false"
    assert len(page.complaints) == 1  # the browser itself reports the 503
    page.complaints.clear()
    card.locator(".trouble .link").click()
    page.wait_for_selector("palate-chat .soft.accent")
    assert card.locator("[part=dislike]").get_attribute("aria-pressed") == "true"
    assert card.locator(".trouble").inner_text() == ""


def test_a_broken_answer_can_be_asked_again_and_a_long_one_stopped(page, mock_url):
    open_page(page, mock_url)
    say(page, "broken please")
    assert "The model gave up." in page.locator("palate-chat .failure").inner_text()
    page.locator("palate-chat .failure .soft").click()
    page.wait_for_selector("palate-chat .failure")
    assert page.locator("palate-chat .turn").count() == 2
    page.locator("palate-chat input").fill("slowly please")
    page.keyboard.press("Enter")
    wait(page, "root.querySelector('.turn.palate:last-child .said').textContent")
    page.locator("palate-chat [part=send]").click()
    page.wait_for_selector("palate-chat .turn.palate:last-child[aria-busy=false]")
    kept = page.locator("palate-chat .turn.palate .said").last.inner_text()
    page.wait_for_timeout(700)
    assert page.locator("palate-chat .turn.palate .said").last.inner_text() == kept


def test_hostile_titles_stay_text(page, mock_url):
    open_page(page, mock_url, "person=hostile")
    assert page.locator("palate-chat .title").first.inner_text().startswith("<img src=x")
    inside = "document.querySelector('palate-chat').shadowRoot"
    assert page.evaluate(f"{inside}.querySelectorAll('script, [onerror], .front, .play').length") == 0
    assert page.evaluate(f"{inside}.querySelectorAll('.drawn').length") > 0
    assert page.title() != "owned"


def test_an_empty_slate_says_what_to_do(page, mock_url):
    page.goto(f"{mock_url}/?person=empty")
    page.wait_for_selector("palate-chat [part=empty]")
    assert page.locator("palate-chat [part=empty]").inner_text().strip()
    assert page.locator(CARDS).count() == 0


def test_a_failure_says_so_and_offers_another_try(page, mock_url):
    page.goto(f"{mock_url}/?person=down")
    page.wait_for_selector("palate-chat .failure button")
    assert "Your picks could not be loaded." in page.locator("palate-chat .failure").inner_text()
    page.complaints.clear()


def test_a_starting_server_is_waited_for(page, mock_url):
    page.goto(f"{mock_url}/?person=starting")
    page.wait_for_selector("palate-chat .note:has-text('getting ready')")
    page.wait_for_selector(CARDS)
    assert page.locator("palate-chat .note:has-text('getting ready')").count() == 0
    page.complaints.clear()


def test_one_sound_at_a_time(page, mock_url):
    open_page(page, mock_url)
    play = page.locator("palate-chat .play")
    play.nth(0).click()
    page.wait_for_selector("palate-chat .play[aria-label^='Pause']")
    play.nth(1).click()
    labels = "[...root.querySelectorAll('.play')].map(e => e.ariaLabel)"
    wait(page, f"{labels}[0].startsWith('Play') && {labels}[1].startsWith('Pause')")
    assert page.locator("palate-chat .play[aria-label^='Pause']").count() == 1


def test_arrow_keys_reach_every_card_and_the_chat(page, mock_url):
    page.set_viewport_size({"width": 1920, "height": 1080})
    open_page(page, mock_url)
    focused = "document.querySelector('palate-chat').shadowRoot.activeElement"
    page.locator("palate-chat .title").first.focus()
    seen = set()
    for key in ["ArrowRight"] * 2 + ["ArrowDown"] * 4 + ["ArrowLeft"] * 7:
        page.keyboard.press(key)
        seen.add(page.evaluate(f"{focused}.closest('.card')?.dataset.item"))
    assert len(seen - {None}) >= 5
    for _ in range(14):
        page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{focused}.closest('.talk') !== null")


def test_host_pages_are_told(page, mock_url):
    open_page(page, mock_url)
    page.evaluate(
        "for (const name of ['select', 'feedback', 'error'])"
        " document.addEventListener('palate-' + name, event => (window['on_' + name] = event.detail))"
    )
    page.locator("palate-chat .title").last.click()
    page.locator("palate-chat [part=like]").last.click()
    wait(page, "window.on_feedback")
    item = page.locator(CARDS).last.get_attribute("data-item")
    assert page.evaluate("window.on_select.item.item_id") == item
    assert page.evaluate("window.on_feedback.verb") == "like"
    assert page.evaluate("window.on_error") is None


def test_another_person_starts_a_conversation_of_their_own(page, mock_url):
    open_page(page, mock_url)
    say(page, "hello")
    page.locator("#people label").nth(2).click()
    page.wait_for_selector("palate-chat .hint")
    assert page.locator("palate-chat .turn").count() == 0
