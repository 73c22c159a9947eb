// The mail editor's bridge: one synced value, `source` = {serial, mjml}; drag and drop in a frame of its own, or code.
//
// Belongs here: the two ways to edit the same MJML, and sending each change. Stays out: GrapesJS (`frame.js`, which is
// loaded only when the frame opens), previews and checks (screens/templates).

import {codeArea} from "./code.js"

const TOKENS = ["bg", "surface", "sunken", "border", "control", "ink", "ink-2", "primary", "primary-strong", "on-primary", "primary-soft", "radius", "radius-card", "radius-small", "font", "mono", "text-body"]
const ASSETS = "/assets/build"

async function sheetOf(address) {
  const sheet = new CSSStyleSheet()
  return sheet.replace(await (await fetch(address)).text())
}
const sheets = await Promise.all(["/assets/screens.css", "/assets/campaigns.css"].map(sheetOf))

function dress(document_) {
  const told = getComputedStyle(document.documentElement)
  for (const name of TOKENS) document_.documentElement.style.setProperty(`--d-${name}`, told.getPropertyValue(`--d-${name}`))
}

// same origin, so that we may reach into it; `srcdoc` keeps our own policy of what may be loaded
function frame(version) {
  const made = document.createElement("iframe")
  made.title = "Drag-and-drop editor"
  made.className = "mail-frame"
  made.srcdoc = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Drag-and-drop editor</title><style>@font-face{font-family:'Inter Variable';font-weight:100 900;src:url('${ASSETS}/inter-latin-wght-normal.woff2') format('woff2')}</style><link rel="stylesheet" href="${ASSETS}/mail_frame.css?v=${version}"></head><body><div id="mount"></div><script src="${ASSETS}/mail_frame.js?v=${version}"></script></body></html>`
  return made
}

function visual({model, send, put}) {
  const made = frame(model.bundle)
  let inner
  const told = (name, value) => {
    if (name === "mjml") put(value)
    if (name === "keep") send("keep", value)
    if (name === "ready") { inner.put(model.source.mjml); made.dataset.ready = "1" }
  }
  made.addEventListener("load", () => {
    if (!made.contentWindow.dmatMail) return void send("missing", "frame")
    dress(made.contentDocument)
    inner = made.contentWindow.dmatMail(made.contentDocument.getElementById("mount"), told)
    inner.blocks(model.blocks)
    inner.variables(model.variables)
    made.inner = inner
  })
  const watch = new MutationObserver(() => made.contentDocument && dress(made.contentDocument))
  watch.observe(document.documentElement, {attributes: true, attributeFilter: ["data-theme"]})
  return {
    element: made,
    show: (mjml) => inner?.put(mjml),
    blocks: () => inner?.blocks(model.blocks),
    run: (command, value) => inner?.[command]?.(value),
    close: () => { watch.disconnect(); inner?.close() },
  }
}

function render({model, el}) {
  const root = el.getRootNode()
  if (root.adoptedStyleSheets && !root.adoptedStyleSheets.includes(sheets[0])) root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...sheets]
  el.classList.add("root", "mail-editor")
  const send = (action, value = null) => model.send_msg({action, value})
  let mine = model.source.serial
  const put = (mjml) => {
    mine = `b${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`
    model.source = {serial: mine, mjml}
  }
  const nothing = () => ({element: "", show: () => {}, close: () => {}})
  const kinds = {visual, code: codeArea, none: nothing}
  let now
  const open = () => {
    now?.close()
    now = kinds[model.mode]({model, send, put})
    el.replaceChildren(now.element)
  }
  open()
  model.on("mode", open)
  model.on("source", () => { if (model.source.serial !== mine) { mine = model.source.serial; now.show(model.source.mjml) } })
  model.on("blocks", () => now.blocks?.())
  model.on("faults", () => now.faults?.())
  model.on("msg:custom", ({command, value}) => now.run?.(command, value))
  model.on("remove", () => now.close())
}

export default {MailEditor: {render}}
