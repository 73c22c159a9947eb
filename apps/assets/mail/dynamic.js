// Dynamic content in the drag-and-drop editor: `{% if ... %}` and its kind are small marks in words, not text.
//
// Belongs here: finding statements in MJML, the part of the editor that stands for one, its words. Stays out: what a
// statement may say (`dmat/messages/jinja_source.py`), the editor itself (`frame.js`).

const TYPE = "dynamic"
// what is left as it is: comments, the head, raw HTML, and tags with all that stands in them
const LEFT = /<!--[\s\S]*?-->|<mj-(head|raw)\b[\s\S]*?<\/mj-\1\s*>|<\/?[a-zA-Z](?:"[^"]*"|'[^']*'|[^>"'])*>/g
const STATEMENT = /\{%[-+]?([\s\S]*?)[-+]?%\}/g
const QUOTED = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}

const WORDS = [
  [/^if\s+in_segment\(\s*["'](.*?)["']\s*\)$/, "Only for $1"],
  [/^if\s+not\s+in_segment\(\s*["'](.*?)["']\s*\)$/, "Only outside of $1"],
  [/^if\s+([\w.]+)$/, "Only with $1"],
  [/^if\s+not\s+([\w.]+)$/, "Only without $1"],
  [/^if\s+(.*)$/s, "Only if $1"],
  [/^elif\s+in_segment\(\s*["'](.*?)["']\s*\)$/, "Otherwise for $1"],
  [/^elif\s+(.*)$/s, "Otherwise if $1"],
  [/^else$/, "Otherwise"],
  [/^endif$/, "To here"],
  [/^for\s+\w+\s+in\s+(.*)$/s, "For each of $1"],
  [/^endfor$/, "Each to here"],
  [/^include\s+["']block:(.*?)["']$/, "Saved block: $1"],
  [/^set\s+(.*)$/s, "Let $1"],
]

// {% if in_segment("vip") %} -> Only for vip
export function inWords(statement) {
  const said = statement.replace(/^\{%[-+]?|[-+]?%\}$/g, "").trim()
  const found = WORDS.find(([form]) => form.test(said))
  return (found ? said.replace(...found) : said).replaceAll("_", " ")
}

const quoted = (text) => text.replace(/[&<>"]/g, (sign) => QUOTED[sign])
// inside of statements the editor's XML has names for the signs that XML itself needs
const plain = (text) => text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&")
const mark = (statement) => `<mj-dynamic says="${quoted(plain(statement))}"></mj-dynamic>`

// the same MJML with a part of the editor for each statement between tags
export function withMarks(xml) {
  let out = "", at = 0
  for (const kept of xml.matchAll(LEFT)) {
    out += xml.slice(at, kept.index).replace(STATEMENT, mark) + kept[0]
    at = kept.index + kept[0].length
  }
  return out + xml.slice(at).replace(STATEMENT, mark)
}

// what decides where a block may go: what stands between the marks around it
export const withoutMarks = (content) => typeof content === "string" ? content.replace(/<mj-dynamic\b[^>]*><\/mj-dynamic>/g, "") : content

export const onlyForSome = withMarks(
  '{% if in_segment("vip") %}<mj-section><mj-column><mj-text>Only these people see this.</mj-text></mj-column></mj-section>{% endif %}',
)

export function marksCss() {
  const told = getComputedStyle(document.documentElement), token = (name) => told.getPropertyValue(`--d-${name}`)
  return `[data-gjs-type=${TYPE}]{display:inline-block;margin:2px;padding:1px 8px;border:1px dashed ${token("primary")};border-radius:999px;background:${token("primary-soft")};color:${token("primary")};font:500 12px/18px ${token("font")};letter-spacing:0;text-transform:none;pointer-events:all;cursor:default}
    [data-gjs-type=${TYPE}]::before{content:attr(data-words)}
    [data-gjs-type=mj-body]>div>[data-gjs-type=${TYPE}],[data-gjs-type=mj-wrapper] td>[data-gjs-type=${TYPE}]{display:block;width:fit-content;margin:4px auto}`
}

// the part of the editor; what it writes is the statement, just as it was
export function addMarks(editor) {
  editor.Components.addType(TYPE, {
    isComponent: (element) => element.tagName?.toLowerCase() === "mj-dynamic",
    model: {
      defaults: {
        name: "Dynamic content", droppable: false, editable: false, stylable: false,
        traits: [{name: "says", label: "Statement"}],
      },
      init() {
        const tell = () => this.addAttributes({"data-words": inWords(this.getAttributes().says ?? "")})
        tell()
        this.on("change:attributes:says", tell)
      },
      toHTML() { return this.getAttributes().says ?? "" },
    },
    view: {tagName: "span"},
  })
  for (const around of ["mj-body", "mj-wrapper", "mj-section", "mj-column"]) {
    const {droppable} = editor.Components.getType(around).model.prototype.defaults
    if (typeof droppable === "string") editor.Components.addType(around, {model: {defaults: {droppable: `${droppable}, [data-gjs-type=${TYPE}]`}}})
  }
}
