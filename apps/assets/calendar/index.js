// The calendar of campaigns: FullCalendar in the page's own look; in come entries as JSON, out go what was asked.
//
// Belongs here: month, week and list, dragging a step, and the keys for it. Stays out: which steps there are, clashes
// and whether a step may move (`dmat/campaigns/calendar.py`); a step that was dragged goes back unless the server agrees.

import {Calendar} from "@fullcalendar/core"
import dayGrid from "@fullcalendar/daygrid"
import interaction from "@fullcalendar/interaction"
import list from "@fullcalendar/list"
import timeGrid from "@fullcalendar/timegrid"

async function sheetOf(address) {
  const sheet = new CSSStyleSheet()
  return sheet.replace(await (await fetch(address)).text())
}
const sheets = await Promise.all(["/assets/screens.css", "/assets/campaigns.css"].map(sheetOf))
const VIEWS = {month: "dayGridMonth", week: "timeGridWeek", list: "listMonth"}
const day = (date) => `${date.getUTCFullYear()}-${String(date.getUTCMonth() + 1).padStart(2, "0")}-${String(date.getUTCDate()).padStart(2, "0")}`

// colours and shapes by channel; the name is always written too
function content({event}) {
  const {channel, tone} = event.extendedProps
  const made = document.createElement("div")
  made.className = `entry ${tone ?? ""}`
  const dot = document.createElement("i")
  dot.className = `channel c-${channel}`
  const time = document.createElement("span")
  time.className = "at"
  time.textContent = event.extendedProps.time
  const name = document.createElement("b")
  name.textContent = event.title
  made.append(dot, time, name)
  if (event.extendedProps.warning) {
    const mark = document.createElement("span")
    mark.className = "mark"
    mark.title = event.extendedProps.warning
    mark.textContent = "!"
    mark.setAttribute("role", "img")
    mark.setAttribute("aria-label", event.extendedProps.warning)
    made.append(mark)
  }
  return {domNodes: [made]}
}

const heightOf = (view) => view === "week" ? 680 : "auto"

function options(model, send) {
  return {
    plugins: [dayGrid, timeGrid, list, interaction], timeZone: "UTC", firstDay: 1, height: heightOf(model.view), headerToolbar: false,
    initialView: VIEWS[model.view] ?? VIEWS.month, initialDate: model.date || undefined, now: model.today || undefined,
    events: model.entries, eventContent: (arg) => content(arg), dayMaxEvents: 4, nowIndicator: true, allDaySlot: false,
    scrollTime: "07:00:00", slotDuration: "01:00:00", editable: true, eventDurationEditable: false,
    eventTimeFormat: {hour: "2-digit", minute: "2-digit", hour12: false}, slotLabelFormat: {hour: "2-digit", minute: "2-digit", hour12: false},
    defaultTimedEventDuration: "01:00", noEventsText: "Nothing is planned in this month.", dayPopoverFormat: {day: "numeric", month: "long"},
    listDayFormat: {weekday: "long", day: "numeric", month: "short"}, listDaySideFormat: false, moreLinkText: (count) => `${count} more`,
    eventDrop: ({event, revert}) => {
      send("move", {key: event.id, to: event.start.toISOString().slice(0, 19)})
      revert()
    },
    eventClick: ({event, jsEvent}) => { jsEvent.preventDefault(); send("open", event.id) },
    dayHeaderContent: ({date, view}) => view.type === "dayGridMonth" ? date.toLocaleDateString("en-GB", {weekday: "short", timeZone: "UTC"}) : date.toLocaleDateString("en-GB", {weekday: "short", day: "numeric", timeZone: "UTC"}),
    dayCellDidMount: ({date, el}) => { if ((model.warned ?? []).includes(day(date))) el.classList.add("warned") },
    eventDidMount: ({event, el}) => {
      el.setAttribute("aria-label", event.extendedProps.words)
      el.title = event.extendedProps.words
      if (!el.getAttribute("href")) { el.tabIndex = 0; el.setAttribute("role", "button") }
    },
  }
}

function render({model, el}) {
  const root = el.getRootNode()
  if (root.adoptedStyleSheets && !root.adoptedStyleSheets.includes(sheets[0])) root.adoptedStyleSheets = [...root.adoptedStyleSheets, ...sheets]
  el.classList.add("root", "calendar")
  const mount = document.createElement("div")
  el.append(mount)
  const send = (action, value = null) => model.send_msg({action, value})
  const calendar = new Calendar(mount, options(model, send))
  const watch = new ResizeObserver(() => calendar.updateSize())
  model.on("after_render", () => { calendar.render(); watch.observe(el) })
  requestAnimationFrame(() => calendar.render())
  model.on("entries", () => { calendar.removeAllEventSources(); calendar.addEventSource(model.entries) })
  model.on("view", () => { calendar.setOption("height", heightOf(model.view)); calendar.changeView(VIEWS[model.view] ?? VIEWS.month, model.date || undefined) })
  model.on("date", () => calendar.gotoDate(model.date))
  el.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && event.target.matches(".fc-event")) event.target.click()
  })
  model.on("remove", () => { watch.disconnect(); calendar.destroy() })
}

export default {Calendar: {render}}
