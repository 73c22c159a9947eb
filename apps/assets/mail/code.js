// The code editor: a text area with line numbers, the faults' lines marked, Tab as indent, variables at the caret.
//
// Belongs here: writing text. Stays out: what the text means. A text area is what every keyboard, screen reader and
// spell checker knows; colours would have cost a library of its own.

const QUIET_MS = 300

function numbers(gutter, text, faults) {
  const marked = new Map(faults.filter(({line}) => line).map(({line, text}) => [line, text]))
  const count = text.split("\n").length
  gutter.replaceChildren(...Array.from({length: count}, (_, index) => {
    const row = document.createElement("span")
    row.textContent = index + 1
    if (marked.has(index + 1)) { row.className = "fault"; row.title = marked.get(index + 1) }
    return row
  }))
}

export function codeArea({model, put}) {
  const element = document.createElement("div")
  element.className = "code-area"
  const gutter = document.createElement("div")
  gutter.className = "gutter"
  gutter.setAttribute("aria-hidden", "true")
  const area = document.createElement("textarea")
  Object.assign(area, {value: model.source.mjml, spellcheck: false, wrap: "off", autocapitalize: "off"})
  area.setAttribute("aria-label", model.label)
  element.append(gutter, area)
  let timer
  const draw = () => numbers(gutter, area.value, model.faults)
  const changed = () => {
    draw()
    clearTimeout(timer)
    timer = setTimeout(() => put(area.value), QUIET_MS)
  }
  const insert = (text) => {
    area.focus()
    area.setRangeText(text, area.selectionStart, area.selectionEnd, "end")
    changed()
  }
  const goto = (line) => {
    const at = area.value.split("\n").slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0)
    area.focus()
    area.setSelectionRange(at, at)
    area.scrollTop = Math.max(0, (line - 4) * 20)
  }
  area.addEventListener("input", changed)
  area.addEventListener("scroll", () => { gutter.scrollTop = area.scrollTop })
  area.addEventListener("keydown", (event) => {
    // Escape, then Tab, leaves the field: nobody is caught in it
    if (event.key === "Escape") area.dataset.leave = "1"
    else if (event.key === "Tab" && !event.shiftKey && !area.dataset.leave) { event.preventDefault(); insert("  ") }
    else delete area.dataset.leave
  })
  draw()
  return {
    element,
    show: (mjml) => { area.value = mjml; draw() },
    faults: draw,
    run: (command, value) => ({insert, goto})[command]?.(value),
    close: () => { if (timer) { clearTimeout(timer); if (area.value !== model.source.mjml) put(area.value) } },
  }
}
