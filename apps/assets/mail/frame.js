// Inside the editor's own frame: GrapesJS with its MJML blocks. It is a document of its own because GrapesJS does not
// work inside a shadow root.
//
// Belongs here: the drag-and-drop editor and its buttons. Stays out: talking with the server (`index.js`, which calls
// what `window.dmatMail` offers) and what a template may say (`dmat/messages`).

import grapesjs from "grapesjs"
import mjml from "grapesjs-mjml"
import {addMarks, marksCss, onlyForSome, withMarks, withoutMarks} from "./dynamic.js"

const QUIET_MS = 350
// drawn here: the ones that the library brings would have to be loaded from elsewhere
const icon = (path) => `<svg viewBox="0 0 24 24" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round">${path}</svg>`
const TABS = [
  ["open-blocks", "Blocks to drag in", '<rect x="4" y="4" width="7" height="7" rx="1.5"/><rect x="13" y="4" width="7" height="7" rx="1.5"/><rect x="4" y="13" width="7" height="7" rx="1.5"/><path d="M16.5 13.5v6M13.5 16.5h6"/>'],
  ["open-sm", "Look of what is chosen", '<path d="M4 8h8M18 8h2M4 16h2M12 16h8"/><circle cx="15" cy="8" r="2.5"/><circle cx="9" cy="16" r="2.5"/>'],
  ["open-tm", "Settings of what is chosen", '<path d="M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.700-5.700l-1.600 1.600"/><path d="M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.700 5.700l1.600-1.600"/>'],
  ["open-layers", "Parts, one inside the other", '<path d="m12 4 8.500 4.500L12 13 3.500 8.500zM4 13l8 4.300 8-4.300M4 16.500l8 4.300 8-4.300"/>'],
]
// the blocks of mails, in the order in which people reach for them; the library's others are rarely wanted
const BLOCKS = ["mj-1-column", "mj-2-columns", "mj-3-columns", "mj-text", "mj-button", "mj-image", "mj-divider", "mj-spacer", "mj-social-group", "mj-navbar", "mj-hero", "mj-wrapper", "mj-raw", "only-for"]

function panels(editor) {
  for (const panel of ["options", "devices-c", "commands"]) editor.Panels.removePanel(panel)
  for (const button of [...editor.Panels.getPanel("views").buttons.models]) editor.Panels.removeButton("views", button.id)
  for (const [id, title, path] of TABS) {
    editor.Panels.addButton("views", {id, command: id, togglable: false, className: "tab", label: icon(path), attributes: {title, "aria-label": title, role: "button", tabindex: "0"}})
  }
}

function sortBlocks(editor) {
  const known = editor.BlockManager.getAll()
  editor.BlockManager.get("mj-image")?.set("content", '<mj-image src="" alt="" />') // the library's is on another host
  editor.BlockManager.add("only-for", {label: "Only for some", content: onlyForSome, media: icon('<circle cx="9" cy="8" r="3.500"/><path d="M3 19c0-3.300 2.700-5.500 6-5.500s6 2.200 6 5.500M16 8h5M16 12h5M18 16h3"/>')})
  for (const block of [...known.models]) {
    if (block.get("saved")) continue
    reachable(block, block.get("label"))
    if (BLOCKS.includes(block.getId())) block.set("category", {id: "parts", label: "Parts of a mail", order: 1, open: true})
    else known.remove(block)
  }
  known.comparator = (block) => block.get("saved") ? 100 : BLOCKS.indexOf(block.getId())
  known.sort()
}

// dragging has a click way: a block goes into what is chosen, else into the last column, else to the end
function append(block, editor) {
  const content = block.getContent(), parts = editor.Components
  const body = editor.getWrapper().findType("mj-body")[0] ?? editor.getWrapper()
  const places = []
  for (let at = editor.getSelected(); at; at = at.parent()) places.push(at)
  places.push(...body.findType("mj-column").slice(-1), body)
  const judged = withoutMarks(content)
  const place = places.find((each) => parts.canMove(each, judged).result)
  if (!place) return
  const [made] = [].concat(place.append(content))
  editor.select(made)
  editor.Canvas.scrollTo(made, {behavior: "smooth"})
}

const reachable = (block, name) => block.set("attributes", {...block.get("attributes"), tabindex: "0", role: "button", "aria-label": `Add: ${name}`, title: name})

function saved(editor, blocks) {
  const known = editor.BlockManager
  for (const block of [...known.getAll().models]) if (block.get("saved")) known.remove(block)
  for (const {key, name, mjml} of blocks) {
    known.add(`saved-${key}`, {label: name.replace(/[<>&"]/g, ""), content: withMarks(asXml(mjml)), category: {id: "saved", label: "Saved by your team", order: 2, open: true}, saved: true, media: icon('<path d="M6.500 4h11v16L12 15.500 6.500 20z"/>'), attributes: {tabindex: "0", role: "button", "aria-label": `Add: ${name}`}})
  }
}

// a list of variables in the bar above a text that is being written
function variables(editor, listed) {
  const rte = editor.RichTextEditor
  if (rte.get("variable")) rte.remove("variable")
  const choice = document.createElement("select")
  choice.className = "variables"
  choice.setAttribute("aria-label", "Insert a personal value")
  choice.add(new Option("Personal value", ""))
  for (const {insert, label} of listed) choice.add(new Option(label, insert))
  rte.add("variable", {icon: choice, event: "change", attributes: {title: "Insert a personal value"}, result: (bar) => {
    if (choice.value) bar.insertHTML(choice.value.replace(/[<>&]/g, (sign) => `&#${sign.charCodeAt(0)};`))
    choice.value = ""
  }})
}

function saveButton(editor, tell) {
  editor.on("component:selected", (part) => {
    const bar = part.get("toolbar") ?? []
    if (!/^mj-(section|wrapper|hero|navbar)$/.test(part.get("type")) || bar.some(({id}) => id === "keep")) return
    part.set("toolbar", [...bar, {id: "keep", label: icon('<path d="M6.500 4h11v16L12 15.500 6.500 20z"/>'), attributes: {title: "Save as a block for your team"}, command: () => tell("keep", part.toHTML())}])
  })
}

// the library writes everything on one line; people read code by lines
const AROUND = /^(mjml|mj-(head|body|wrapper|section|column|group|hero|social|navbar|accordion|accordion-element|carousel|attributes))$/
const SIGNS = {"&gt;": ">", "&lt;": "<", "&amp;": "&"}
function tidy(written) {
  // what stands in {{ }} and {% %} is no markup: its signs stay as they were written
  const source = written.replace(/\{\{.*?\}\}|\{%.*?%\}/gs, (words) => words.replace(/&(gt|lt|amp);/g, (sign) => SIGNS[sign]))
  let depth = 0
  const line = (tag) => `\n${"  ".repeat(Math.max(depth, 0))}${tag}`
  const lines = source.replace(/<(\/?)(mjml|mj-[a-z-]+)\b[^>]*?(\/?)>/g, (tag, closes, name, alone) => {
    if (!AROUND.test(name)) return closes ? tag : line(tag)
    if (closes) { depth -= 1; return line(tag) }
    const opened = line(tag)
    if (!alone) depth += 1
    return opened
  })
  return `${lines.replace(/[ \t]+\n/g, "\n").trim()}\n`
}

// the editor reads XML, which knows five names of signs, no bare "&" and no tag without its end; mails, and what a browser
// makes of a text while it is edited, are written as HTML too
const VOID = /<(br|hr|img|wbr|input|area|col)\b((?:"[^"]*"|'[^']*'|[^>"'])*?)\/?>/gi
const NAMED = /&(?!(?:amp|lt|gt|quot|apos);)([a-z][a-z0-9]*;)?(?!#)/gi
function asXml(source) {
  const box = document.createElement("textarea")
  const numbered = (name) => {
    box.innerHTML = name
    return box.value === name ? `&amp;${name.slice(1)}` : [...box.value].map((sign) => `&#${sign.codePointAt(0)};`).join("")
  }
  return source.replace(VOID, "<$1$2/>").replace(NAMED, numbered).replace(/\{\{.*?\}\}|\{%.*?%\}/gs, (words) => words.replace(/</g, "&lt;"))
}

function open(mount, tell) {
  const editor = grapesjs.init({
    container: mount, height: "100%", width: "auto", fromElement: false, storageManager: false, telemetry: false,
    cssIcons: "", showDevices: false, noticeOnUnload: false, assetManager: {upload: false, embedAsBase64: false},
    blockManager: {appendOnClick: append},
    canvasCss: `mj-head{display:none}${marksCss()}`, plugins: [mjml, addMarks], pluginsOpts: {[mjml]: {resetDevices: true, useCustomTheme: false, useXmlParser: true, columnsPadding: "0"}},
  })
  editor.on("parse:html:before", (given) => { given.input = asXml(given.input) })
  panels(editor)
  saveButton(editor, tell)
  // `clean` is how the editor itself writes what it was given: only what differs from that was done by a person
  let given = "", clean = "", timer
  const look = () => {
    const source = editor.getHtml()
    if (source === clean) return
    clean = source
    given = tidy(source)
    tell("mjml", given)
  }
  editor.on("update", () => { clearTimeout(timer); timer = setTimeout(look, QUIET_MS) })
  editor.onReady(() => {
    sortBlocks(editor)
    editor.Panels.getButton("views", "open-blocks")?.set("active", true)
    mount.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target.matches(".tab, .gjs-block")) event.target.click() })
    tell("ready")
  })
  return {
    put(source) {
      if (source === given) return
      editor.setComponents(withMarks(asXml(source)))
      given = source
      clean = editor.getHtml()
      editor.UndoManager.clear()
    },
    blocks: (listed) => saved(editor, listed),
    variables: (listed) => variables(editor, listed),
    device: (name) => editor.setDevice(name === "phone" ? "Mobile" : "Desktop"),
    undo: () => editor.UndoManager.undo(),
    redo: () => editor.UndoManager.redo(),
    close() { clearTimeout(timer); look(); editor.destroy() }, // what was done a moment ago is kept
    editor,
  }
}

window.dmatMail = open
