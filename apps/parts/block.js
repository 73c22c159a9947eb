// The browser's side of `block.py`: show HTML in a shadow root with the shared style sheet, keep what the reader
// was doing across updates, draw charts, and send back what was clicked. Scripts inside the HTML are never run.

async function sheetOf(address) {
  const sheet = new CSSStyleSheet()
  return sheet.replace(await (await fetch(address)).text())
}
const sheets = await Promise.all(["/assets/screens.css", "/assets/segments.css", "/assets/campaigns.css", "/assets/experiments.css", "/assets/journeys.css", "/assets/analytics.css", "/assets/leads.css"].map(sheetOf))

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--d-${name}`).trim()

/* ---- charts ---------------------------------------------------------------------------------------------- */
const count = new Intl.NumberFormat("en-GB", {maximumFractionDigits: 1})
function money(currency) {
  const whole = new Intl.NumberFormat("en-GB", {style: "currency", currency, maximumFractionDigits: 0})
  const exact = new Intl.NumberFormat("en-GB", {style: "currency", currency})
  return (value) => (Math.abs(value) >= 1000 ? whole : exact).format(value)
}
function formatter(unit) {
  if (unit?.startsWith("money:")) return money(unit.slice(6))
  if (unit === "percent") return (value) => `${count.format(value)}%`
  return (value) => count.format(value)
}
function axisFormatter(unit) {
  if (!unit?.startsWith("money:")) return formatter(unit)
  const short = new Intl.NumberFormat("en-GB", {style: "currency", currency: unit.slice(6), notation: "compact", maximumFractionDigits: 1})
  return (value) => short.format(value)
}
// "token:primary" anywhere in the options stands for the colour of that name in the present theme
function resolve(value) {
  if (typeof value === "string" && value.startsWith("token:")) return token(value.slice(6))
  if (Array.isArray(value)) return value.map(resolve)
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, resolve(v)]))
  return value
}
function options(element) {
  const chart = resolve(JSON.parse(element.dataset.chart))
  const unit = element.dataset.unit
  for (const axis of [].concat(chart.yAxis ?? [])) axis.axisLabel = {...axis.axisLabel, formatter: axisFormatter(unit)}
  chart.tooltip = {...chart.tooltip, valueFormatter: (value) => value == null ? "no figure" : formatter(unit)(value)}
  return chart
}
const charts = new Set()
let library
function load(address) {
  library ??= new Promise((done) => {
    const script = document.createElement("script")
    script.src = address
    script.onload = done
    document.head.append(script)
  })
  return library
}
function draw(element) {
  if (!window.echarts) return void load(element.dataset.library).then(() => element.isConnected && draw(element))
  if (!element.clientWidth) return void requestAnimationFrame(() => element.isConnected && draw(element))
  if (!element.picture) {
    element.picture = window.echarts.init(element, null, {renderer: "svg"})
    element.watcher = new ResizeObserver(() => element.picture.resize())
    element.watcher.observe(element)
    if (element.dataset.points) tellPoints(element)
    charts.add(element)
  }
  element.picture.setOption(options(element), true)
}
// a click anywhere above a label names the nearest point of a series that has an id
function tellPoints(element) {
  const picture = element.picture
  picture.getZr().on("click", (event) => {
    const place = [event.offsetX, event.offsetY]
    if (!picture.containPixel("grid", place)) return
    const at = picture.convertFromPixel({xAxisIndex: 0}, event.offsetX)
    const series = picture.getOption().series.filter((line) => line.id && !line.id.startsWith("\0") && line.data[at] != null)
    const away = (line) => Math.abs(picture.convertToPixel({yAxisIndex: 0}, line.data[at]) - event.offsetY)
    const nearest = series.sort((a, b) => away(a) - away(b))[0]
    const detail = nearest && {of: element.dataset.points, series: nearest.id, at}
    if (detail) element.dispatchEvent(new CustomEvent("point", {bubbles: true, detail}))
  })
}
function forget(element) {
  element.watcher?.disconnect()
  element.picture?.dispose()
  charts.delete(element)
}
new MutationObserver(() => charts.forEach((element) => draw(element)))
  .observe(document.documentElement, {attributes: true, attributeFilter: ["data-theme"]})

/* ---- time: the workspace's clock, which may be a simulated company's ---------------------------------------------- */
let clock = {at: Date.now(), seen: Date.now(), speed: 1}
const shown = new Set()
function ago(at) {
  const seconds = (clock.at + (Date.now() - clock.seen) * clock.speed - at) / 1000
  if (Math.abs(seconds) < 2) return "just now"
  const size = Math.abs(seconds)
  const [unit, length] = size < 60 ? ["s", 1] : size < 3600 ? ["min", 60] : size < 172800 ? ["h", 3600] : ["days", 86400]
  const span = `${Math.floor(size / length)} ${unit}`
  return seconds > 0 ? `${span} ago` : `in ${span}`
}
function tellTime() {
  for (const el of shown) {
    if (!el.isConnected) { shown.delete(el); continue }
    for (const place of el.querySelectorAll("time[data-ago]")) {
      const text = ago(Date.parse(place.dateTime))
      if (place.textContent !== text) place.textContent = text
    }
  }
}
setInterval(tellTime, 1000)
function setClock(text) {
  if (!text) return
  const told = JSON.parse(text)
  clock = {at: Date.parse(told.now), seen: Date.now(), speed: told.speed}
  tellTime()
  return told.words
}

/* ---- keeping what the reader was doing --------------------------------------------------------------------- */
// an open dialog with what was typed in it; in one that its HTML opens (data-shown), what the HTML says anew counts
function dialogsOf(el, active) {
  return [...el.querySelectorAll("dialog[open][id]")].map((dialog) => {
    const fields = [...dialog.querySelectorAll("[name]")]
    const values = fields.map((f) => [f.name, f.value, f.checked, givenBy(f)])
    return {id: dialog.id, isShown: "shown" in dialog.dataset, values, focus: fields.indexOf(active)}
  })
}
// what the HTML says that a field holds
function givenBy(field) {
  if (field.tagName === "SELECT") return [...field.options].findIndex((option) => option.defaultSelected)
  return /^(radio|checkbox)$/.test(field.type) ? field.defaultChecked : field.defaultValue
}
function reopen(el, kept) {
  const dialog = el.querySelector(`dialog[id="${CSS.escape(kept.id)}"]`)
  if (!dialog || dialog.open || (kept.isShown && dialog.dataset.shown === undefined)) return  // its HTML closed it
  dialog.showModal()
  const fields = [...dialog.querySelectorAll("[name]")]
  kept.values.forEach(([name, value, checked, given], at) => {
    const field = fields[at]
    if (field?.name !== name || (kept.isShown && givenBy(field) !== given)) return
    if (/^(radio|checkbox)$/.test(field.type)) field.checked = checked
    else field.value = value
  })
  fields[kept.focus]?.focus({preventScroll: true})
}
function remember(el) {
  const active = el.getRootNode().activeElement
  return {
    open: new Map([...el.querySelectorAll("details[data-key]")].map((d) => [d.dataset.key, d.open])),
    ticked: new Set([...el.querySelectorAll("input[type=radio][data-key]:checked")].map((d) => d.dataset.key)),
    scroll: new Map([...el.querySelectorAll("[data-scroll]")].map((d) => [d.dataset.scroll, [d.scrollTop, d.scrollLeft]])),
    figures: new Map([...el.querySelectorAll("[data-figure]")].map((d) => [d.dataset.figure, d.textContent])),
    charts: new Map([...el.querySelectorAll("[data-chart-key]")].map((d) => [d.dataset.chartKey, d])),
    dialogs: dialogsOf(el, active),
    focus: active?.dataset?.key ?? active?.getAttribute?.("href"),
    typed: /^(INPUT|TEXTAREA)$/.test(active?.tagName) ? [active.value, active.selectionStart, active.selectionEnd] : null,
  }
}
function restore(el, kept) {
  for (const d of el.querySelectorAll("details[data-key]")) if (kept.open.has(d.dataset.key)) d.open = kept.open.get(d.dataset.key)
  for (const d of el.querySelectorAll("input[type=radio][data-key]")) if (kept.ticked.has(d.dataset.key)) d.checked = true
  for (const d of el.querySelectorAll("[data-scroll]")) [d.scrollTop, d.scrollLeft] = kept.scroll.get(d.dataset.scroll) ?? [0, 0]
  for (const d of el.querySelectorAll("[data-figure]")) {
    const before = kept.figures.get(d.dataset.figure)
    if (before !== undefined && before !== d.textContent) d.classList.add("fresh")
  }
  for (const fresh of el.querySelectorAll("[data-chart-key]")) {
    const old = kept.charts.get(fresh.dataset.chartKey)
    if (!old) continue
    const changed = old.dataset.chart !== fresh.dataset.chart
    for (const name of ["chart", "unit"]) if (fresh.dataset[name] !== undefined) old.dataset[name] = fresh.dataset[name]
    fresh.replaceWith(old)
    kept.charts.delete(old.dataset.chartKey)
    if (changed) draw(old)
  }
  kept.charts.forEach(forget)
  kept.dialogs.forEach((dialog) => reopen(el, dialog))
  if (!kept.focus) return
  const target = [...el.querySelectorAll("[data-key],[href]")].find((d) => (d.dataset.key ?? d.getAttribute("href")) === kept.focus)
  if (!target) return
  if (kept.typed && /^(INPUT|TEXTAREA)$/.test(target.tagName) && target.type !== "checkbox") target.value = kept.typed[0]
  target.focus({preventScroll: true})
  if (kept.typed?.[1] != null && target.setSelectionRange) target.setSelectionRange(kept.typed[1], kept.typed[2])
}

/* ---- what readers do ----------------------------------------------------------------------------------------- */
// "#sources" points into another block's shadow root, where the browser itself does not look
function everywhere(node, selector) {
  for (const child of node.querySelectorAll("*")) {
    if (child.matches(selector)) return child
    const found = child.shadowRoot && everywhere(child.shadowRoot, selector)
    if (found) return found
  }
}
function goTo(name) {
  const target = /^[a-z]+$/.test(name) && everywhere(document, `#${name}`)
  if (!target) return false
  target.scrollIntoView({block: "start"})
  target.focus({preventScroll: true})
  return true
}
let anchor = location.hash.slice(1)

// a field with data-value says which of several it is
function told(field) {
  const value = field.type === "checkbox" ? field.checked : field.value
  return field.dataset.value === undefined ? value : {of: field.dataset.value, value}
}
// files are sent as their text
async function filled(form) {
  const fields = Object.fromEntries(new FormData(form))
  for (const [name, value] of Object.entries(fields)) if (value instanceof File) fields[name] = await value.slice(0, LARGEST_FILE + 1).text()
  return fields
}
const LARGEST_FILE = 5_000_000
// one reader types into one field at a time; what was typed is told before what is clicked or typed next, in any block
let timer, tell, typedInto
function flush() {
  clearTimeout(timer)
  const last = tell
  tell = typedInto = undefined
  last?.()
}
function listen(el, send) {
  el.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[href^='#']")
    if (!link) return
    event.preventDefault()
    history.replaceState(null, "", link.getAttribute("href"))
    goTo(link.getAttribute("href").slice(1))
  })
  el.addEventListener("click", (event) => {
    const target = event.target.closest?.("[data-action]")
    if (!target || target.matches("form, input, select, textarea")) return
    if (target.tagName === "A") {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return
      event.preventDefault()
    }
    flush()
    send(target.dataset.action, target.dataset.value ?? null)
  })
  el.addEventListener("submit", (event) => {
    const form = event.target
    if (!form.dataset.action) return
    event.preventDefault()
    flush()
    form.closest("dialog[id]:not([data-shown])")?.close()
    filled(form).then((fields) => send(form.dataset.action, fields))
  })
  el.addEventListener("input", (event) => {
    const field = event.target.closest?.("input[data-action], select[data-action], textarea[data-action]")
    if (!field) return
    if (field !== typedInto) flush()
    clearTimeout(timer)
    typedInto = field
    tell = () => send(field.dataset.action, told(field))
    timer = setTimeout(flush, field.tagName === "SELECT" || field.type === "checkbox" ? 0 : 180)
  })
  el.addEventListener("point", (event) => { flush(); send("point", event.detail) })
  // a dialog that its HTML opens says when it was closed, by Escape too
  el.addEventListener("close", (event) => {
    if (event.target.dataset?.onClose && event.target.isConnected) send(event.target.dataset.onClose, null)
  }, true)
  el.addEventListener("click", (event) => {
    const opener = event.target.closest?.("[data-opens]")
    if (opener) el.getRootNode().getElementById(opener.dataset.opens)?.showModal()
    if (event.target.closest?.("[data-closes]") || event.target.tagName === "DIALOG") event.target.closest("dialog")?.close()
  })
}

// a button with data-shortcut is pressed by its key, unless somebody types; keys can be switched off for good
const KEYS_OFF = "dmat_keys_off"
function shortcutOf(node, key) {
  for (const child of node.querySelectorAll("*")) {
    if (child.dataset?.shortcut === key && child.checkVisibility?.() && !child.disabled) return child
    const found = child.shadowRoot && shortcutOf(child.shadowRoot, key)
    if (found) return found
  }
}
function openDialog(node) {
  for (const child of node.querySelectorAll("*")) {
    if (child.tagName === "DIALOG" && child.open) return child
    const found = child.shadowRoot && openDialog(child.shadowRoot)
    if (found) return found
  }
}
addEventListener("keydown", (event) => {
  const from = event.composedPath()[0]
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.key.length !== 1) return
  if (from?.matches?.("input, select, textarea, [contenteditable]") || localStorage.getItem(KEYS_OFF)) return
  const target = shortcutOf(openDialog(document) ?? document, event.key.toLowerCase())
  if (!target) return
  event.preventDefault()
  target.click()
})
document.addEventListener("change", (event) => {
  const box = event.composedPath()[0]
  if (!box?.dataset || box.dataset.shortcutsSwitch === undefined) return
  if (box.checked) localStorage.removeItem(KEYS_OFF)
  else localStorage.setItem(KEYS_OFF, "1")
})

const countries = new Intl.DisplayNames(["en"], {type: "region"})
function nameCountries(el) {
  for (const place of el.querySelectorAll("[data-country]")) {
    if (/^[A-Z]{2}$/.test(place.dataset.country)) place.textContent = countries.of(place.dataset.country)
  }
}

// what has just been opened beside what was clicked takes the focus once, unless somebody is typing
function takeFocus(el) {
  const place = el.querySelector("[data-take-focus]")
  const wanted = place?.dataset.takeFocus
  if (wanted !== undefined && el.focused !== undefined && wanted !== el.focused) place.focus({preventScroll: innerWidth >= 1200})
  el.focused = wanted ?? ""
}

function bringIntoStrip(tab) {
  const [strip, inner] = [tab.parentElement, tab.getBoundingClientRect()]
  const outer = strip.getBoundingClientRect()
  strip.scrollLeft += inner.left - outer.left - (outer.width - inner.width) / 2
}

function settle(el) {
  el.querySelectorAll(".tabs [aria-current=page]").forEach((tab) => requestAnimationFrame(() => bringIntoStrip(tab)))
  takeFocus(el)
  nameCountries(el)
  el.querySelectorAll("[data-shortcuts-switch]").forEach((box) => { box.checked = !localStorage.getItem(KEYS_OFF) })
  if (anchor && el.querySelector(`[id="${CSS.escape(anchor)}"]`)) setTimeout(() => { if (goTo(anchor)) anchor = "" }, 150)
  shown.add(el)
  tellTime()
  el.querySelectorAll("[data-chart]").forEach((element) => element.picture || draw(element))
  el.querySelectorAll("dialog[data-shown]").forEach((dialog) => dialog.open || dialog.showModal())
  el.querySelectorAll("iframe[data-same-as]").forEach((frame) => {
    frame.srcdoc = el.querySelector(`#${frame.dataset.sameAs}`)?.srcdoc ?? ""
  })
}

// an update between press and release would take away what is being clicked: it waits for the release
let isPressed = false
const held = new Map()
function unlessPressed(el, update) {
  if (isPressed) held.set(el, update)
  else update()
}
function release() {
  isPressed = false
  const waiting = [...held.values()]
  held.clear()
  waiting.forEach((update) => update())
}
addEventListener("pointerdown", () => { isPressed = true }, true)
for (const name of ["pointerup", "pointercancel", "contextmenu"]) addEventListener(name, () => setTimeout(release), true)
addEventListener("blur", release)

function render({model, el}, afterUpdate = () => {}) {
  const root = el.getRootNode()
  if (root.adoptedStyleSheets && !root.adoptedStyleSheets.includes(sheets[0])) root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...sheets]
  el.classList.add("root")
  el.innerHTML = model.html
  listen(el, (action, value) => model.send_msg({action, value}))
  settle(el)
  const update = () => {
    const kept = remember(el)
    el.innerHTML = model.html
    restore(el, kept)
    settle(el)
    afterUpdate()
  }
  model.on("html", () => unlessPressed(el, update))
  model.on("remove", () => {
    held.delete(el)
    el.querySelectorAll("[data-chart-key]").forEach(forget)
  })
}

/* ---- the bar at the top: jump box, theme, menu ------------------------------------------------------------------ */
function remembered(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=lax`
}
function setTheme(theme, model) {
  document.documentElement.dataset.theme = theme
  remembered("dmat_theme", theme)
  model.send_msg({action: "theme", value: theme})
}
function jump(el) {
  const dialog = el.querySelector("dialog.jump")
  const field = dialog.querySelector("input")
  const rows = () => [...dialog.querySelectorAll("li")].filter((row) => !row.hidden)
  const chosen = () => dialog.querySelector(".chosen")
  const told = dialog.querySelector("[data-told]")
  const choose = (row) => {
    chosen()?.classList.remove("chosen")
    const target = row?.querySelector("a, button")
    target?.classList.add("chosen")
    target?.scrollIntoView({block: "nearest"})
    told.textContent = target ? `${target.firstElementChild.nextSibling.textContent}, ${rows().indexOf(row) + 1} of ${rows().length}. Enter opens it.` : ""
  }
  const filter = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean)
    dialog.querySelectorAll("li").forEach((row) => { row.hidden = !words.every((word) => row.dataset.words.includes(word)) })
    dialog.querySelector(".nothing").hidden = rows().length > 0
    choose(rows()[0])
  }
  field.addEventListener("input", filter)
  dialog.addEventListener("keydown", (event) => {
    const step = {ArrowDown: 1, ArrowUp: -1}[event.key]
    if (step) {
      const list = rows()
      choose(list[(list.indexOf(chosen()?.closest("li")) + step + list.length) % list.length])
      event.preventDefault()
    }
    if (event.key === "Enter" && event.target === field) { chosen()?.click(); event.preventDefault() }
  })
  const open = () => { field.value = ""; filter(); dialog.showModal(); field.focus() }
  el.querySelectorAll("[data-jump]").forEach((button) => button.addEventListener("click", open))
  return open
}
// the first page of a narrow window came without the cookie, so that the server took it for a wide one: the menu, which
// would lie over the page, is closed before it is seen
function closeMenu(view) {
  const page = view.model.document?.roots().find((root) => root.data?.sidebar_open)
  if (page) page.data.sidebar_open = false
}
// after five tries, half a minute, Bokeh gives up: a page that was left open (a lid closed, a slow start of the server)
// says that it stands still, goes on trying, and tries at once when somebody looks at it again
const AGAIN = 10_000
const watched = new WeakSet()
function goOn(page, el) {
  if (!page || watched.has(page)) return
  watched.add(page)
  const tell = (isLost) => el.querySelectorAll("[data-offline]").forEach((line) => { line.hidden = !isLost })
  page.on_event("client_reconnected", () => tell(false))
  page.on_event("connection_lost", (_, event) => {
    if (event.attempts) tell(true)
    if (event.timeout != null) return
    const told = new AbortController()
    const again = () => { told.abort(); clearTimeout(waiting); event.reconnect() }
    const waiting = setTimeout(again, AGAIN)
    addEventListener("online", again, {signal: told.signal})
    document.addEventListener("visibilitychange", () => document.hidden || again(), {signal: told.signal})
  })
}
function renderTop({model, view, el}) {
  render({model, el}, () => wire())
  goOn(view.model.document, el)
  const isNarrow = innerWidth < 600
  if (isNarrow && !document.cookie.includes("dmat_narrow=1")) closeMenu(view)
  remembered("dmat_narrow", isNarrow ? 1 : 0)
  const stop = new AbortController()
  let open = () => {}
  const wire = () => { open = jump(el) }
  wire()
  const tell = () => {
    const words = setClock(model.clock)
    el.querySelectorAll("[data-clock]").forEach((place) => { place.textContent = words })
  }
  tell()
  model.on("clock", tell)
  addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") { event.preventDefault(); open() }
    if (event.key === "Escape") el.querySelectorAll("details[open]").forEach((d) => { d.open = false })
  }, {signal: stop.signal})
  addEventListener("click", (event) => {
    if (!event.composedPath().includes(el)) el.querySelectorAll(".menu details[open]").forEach((d) => { d.open = false })
  }, {signal: stop.signal})
  el.addEventListener("click", (event) => {
    if (!event.target.closest?.("[data-theme-switch]")) return
    setTheme(document.documentElement.dataset.theme === "dark" ? "light" : "dark", model)
    el.querySelectorAll("dialog[open]").forEach((d) => d.close())
  })
  model.on("remove", () => stop.abort())
  setTimeout(() => model.send_msg({action: "hello"}))
}

export default {Block: {render: (props) => render(props)}, TopBar: {render: renderTop}}
