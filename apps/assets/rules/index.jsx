// The rule builder: one synced value, `state` = {serial, rule}; in come the catalogue, answers for a serial, suggestions.
//
// Belongs here: the tree in the reader's hands, keys, focus, and talking with the server (`apps/parts/rules.py`).
// Stays out: what a rule means. It is written against React's hooks and runs on Preact, which is a tenth of the size.

import {render as draw} from "preact"
import {useEffect, useLayoutEffect, useMemo, useRef, useState} from "preact/hooks"

import {Icon, Pick, count} from "./controls.jsx"
import {useDrag} from "./drag.js"
import {Group} from "./groups.jsx"
import {subjects} from "./lines.jsx"
import * as tree from "./tree.js"

async function sheetOf(address) {
  const sheet = new CSSStyleSheet()
  await sheet.replace(await (await fetch(address)).text())
  return sheet
}
const sheets = await Promise.all(["/assets/screens.css", "/assets/rules.css"].map(sheetOf))

const FOCUSABLE = "input, select, button, [tabindex='0']"
const nodeOf = (element) => element?.closest?.("[data-node]")
const focusable = (node) => [...node.querySelectorAll(FOCUSABLE)]

// the tree, what it was sent as, and which path each node had in each document that may still be answered
function useTree(model) {
  const [root, setRoot] = useState(() => tree.read(model.state.rule))
  const [zone, setZone] = useState(() => tree.zoneOf(model.state.rule))
  const now = useRef({root, serial: model.state.serial, paths: new Map()})
  const note = (serial, paths) => { const kept = now.current.paths; kept.set(String(serial), paths); if (kept.size > 40) kept.delete(kept.keys().next().value) }
  useMemo(() => note(model.state.serial, tree.write(root, model.state.rule).paths), [])
  useEffect(() => model.on("state", () => {
    if (String(model.state.serial) === String(now.current.serial)) return
    const next = tree.read(model.state.rule, now.current.root)
    Object.assign(now.current, {root: next, serial: model.state.serial})
    note(model.state.serial, tree.write(next, model.state.rule).paths)
    setRoot(next)
    setZone(tree.zoneOf(model.state.rule))
  }), [])
  const put = (next, zone = tree.zoneOf(model.state.rule)) => {
    if (next === now.current.root && zone === tree.zoneOf(model.state.rule)) return
    const {document, paths} = tree.write(next, tree.inZone(model.state.rule, zone))
    const serial = `b${Date.now().toString(36)}${Math.random().toString(36).slice(2, 6)}`
    Object.assign(now.current, {root: next, serial})
    note(serial, paths)
    setRoot(next)
    model.state = {serial, rule: document}
    setZone(zone)
  }
  return {root, now, put, zone}
}

function useSynced(model, name) {
  const [value, setValue] = useState(model[name])
  useEffect(() => model.on(name, () => setValue(model[name])), [])
  return value
}

function killersOf(root, counts) {
  const found = new Set()
  const visit = (node) => {
    for (const child of node.children ?? []) visit(child)
    if (node.kind !== "group" || node.mode !== "all" || node.negated || node.children.length < 2 || counts.get(node.id) !== 0) return
    const known = node.children.filter((child) => counts.has(child.id)).sort((one, other) => counts.get(one.id) - counts.get(other.id))
    if (known.length) found.add(known[0].id)
  }
  visit(root)
  return found
}

// what the server said, by the id of the node it was said about
function useTold(model, root, now) {
  const answers = useSynced(model, "answers")
  return useMemo(() => {
    const paths = now.current.paths.get(String(answers.serial)) ?? new Map()
    const counts = new Map([...paths].map(([id, path]) => [id, answers.counts?.[path]]).filter(([, value]) => value != null))
    const faults = answers.faults ?? []
    const deepest = (fault) => [...paths].filter(([, path]) => fault.path === path || fault.path.startsWith(`${path}.`) || fault.path.startsWith(`${path}[`))
      .sort(([, one], [, other]) => other.length - one.length)[0]?.[0]
    const byNode = Map.groupBy(faults, deepest)
    const killers = killersOf(root, counts)
    const depth = (id, at = 0) => { const found = tree.place(root, id); return found ? depth(found.parent.id, at + 1) : at }
    return {count: (id) => counts.get(id), everybody: answers.everybody, faults: (id) => byNode.get(id) ?? [], own: (id) => byNode.get(id) ?? [],
      killer: (id) => killers.has(id), total: answers.total, isStale: String(answers.serial) !== String(now.current.serial), depth}
  }, [answers, root])
}

function useOffers(model) {
  const latest = useSynced(model, "suggestions")
  const kept = useRef(new Map()), timer = useRef(), asked = useRef("")
  if (latest.subject) kept.current.set(latest.subject, latest.values)
  const ask = (subject, words) => {
    if (asked.current === `${subject} ${words}`) return
    asked.current = `${subject} ${words}`
    clearTimeout(timer.current)
    timer.current = setTimeout(() => model.send_msg({action: "suggest", value: {subject, words}}), words ? 150 : 0)
  }
  return {of: (subject) => kept.current.get(subject) ?? [], ask}
}

function Toolbar({told, possible, send}) {
  return <div class="rule-bar">
    <h2>Conditions</h2>
    <span class="total" aria-hidden="true">{told.total == null ? "" : <><b class={told.isStale ? "stale" : ""}>{count(told.total)}</b> of {count(told.everybody)} people</>}</span>
    <span class="together">
      <button type="button" class="tool" aria-label="Undo" title="Undo (Ctrl Z)" disabled={!possible.undo} onClick={() => send("undo")}><Icon name="undo"/></button>
      <button type="button" class="tool" aria-label="Redo" title="Redo (Ctrl Shift Z)" disabled={!possible.redo} onClick={() => send("redo")}><Icon name="redo"/></button>
    </span>
  </div>
}

function Zone({zone, name, onPick}) {
  return <p class="zone"><label><span class="word">Days count in</span>
    <Pick label="Days count in" value={zone} options={[["workspace", `our time zone${name ? `, ${name}` : ""}`], ["person", "each person’s time zone"]]} onPick={onPick}/></label></p>
}

function Keys() {
  return <p class="keys caption muted"><span><kbd>Enter</kbd> adds a condition</span><span><kbd>Ctrl D</kbd> duplicates</span><span><kbd>Alt</kbd> with <kbd>↑</kbd> <kbd>↓</kbd> moves, with <kbd>→</kbd> brackets, with <kbd>←</kbd> moves out</span><span><kbd>Ctrl Z</kbd> undoes</span></p>
}

function Builder({model}) {
  const host = useRef(), wanted = useRef(null)
  const [said, say] = useState("")
  const {root, now, put, zone} = useTree(model)
  const told = useTold(model, root, now)
  const offers = useOffers(model)
  const possible = useSynced(model, "possible")
  const catalogue = useMemo(() => JSON.parse(model.catalogue), [])
  const options = useMemo(() => subjects(catalogue), [catalogue])
  const send = (action) => model.send_msg({action, value: null})

  const edit = (turn, words) => { put(turn(now.current.root)); if (words) say(words) }
  const keep = (id) => { const node = host.current.querySelector(`[data-node="${id}"]`), active = host.current.getRootNode().activeElement
    wanted.current = {id, at: node ? Math.max(0, focusable(node).indexOf(active)) : 0} }
  const where = (id) => { const found = tree.place(now.current.root, id); return found ? `Place ${found.at + 1} of ${found.parent.children.length}.` : "" }
  const acts = {
    set: (id, rule) => edit((tree_) => tree.change(tree_, id, (node) => ({...node, rule}))),
    mode: (id, mode, negated) => edit((tree_) => tree.change(tree_, id, (node) => ({...node, mode, negated}))),
    negate: (id) => edit((tree_) => tree.change(tree_, id, (node) => ({...node, negated: !node.negated}))),
    add: (id, node) => { wanted.current = {id: node.children?.[0].id ?? node.id, at: 0, first: true}; edit((tree_) => tree.append(tree_, id, node), "Added.") },
    addAfter: (id) => { const node = tree.blank(); wanted.current = {id: node.id, first: true}; edit((tree_) => tree.after(tree_, id, node), "Added.") },
    remove: (id) => {
      const found = tree.place(now.current.root, id)
      const next = found?.parent.children[found.at + 1] ?? found?.parent.children[found.at - 1]
      wanted.current = next ? {id: next.id, first: true} : {adder: found?.parent.id}
      edit((tree_) => tree.remove(tree_, id), "Removed. Ctrl Z brings it back.")
    },
    duplicate: (id) => edit((tree_) => tree.duplicate(tree_, id).root, "Duplicated."),
    wrap: (id) => { keep(id); edit((tree_) => tree.wrap(tree_, id), "Put in brackets.") },
    unwrap: (id) => edit((tree_) => tree.unwrap(tree_, id), "Brackets removed."),
    out: (id) => { keep(id); edit((tree_) => tree.out(tree_, id)); say(`Moved out. ${where(id)}`) },
    step: (id, down) => { keep(id); edit((tree_) => tree.step(tree_, id, down)); say(`Moved ${down ? "down" : "up"}. ${where(id)}`) },
  }
  const drag = useDrag(host, (id, target, side) => edit((tree_) => tree.move(tree_, id, target, side), "Moved."))

  useLayoutEffect(() => {
    const want = wanted.current
    if (!want) return
    wanted.current = null
    if (want.adder) return void host.current.querySelector(`[data-add="${want.adder}"]`)?.focus()
    const node = host.current.querySelector(`[data-node="${want.id}"]`)
    if (node) (want.first ? node.querySelector("[data-first]") ?? focusable(node)[0] : focusable(node)[want.at] ?? focusable(node)[0])?.focus()
  }, [root])

  const onKey = (event) => {
    const id = nodeOf(event.target)?.dataset.node
    const control = event.ctrlKey || event.metaKey, key = event.key.toLowerCase()
    const act = control && key === "z" ? () => send(event.shiftKey ? "redo" : "undo") : control && key === "y" ? () => send("redo")
      : !id ? null
      : control && key === "d" ? () => acts.duplicate(id)
      : event.altKey && key === "arrowup" ? () => acts.step(id, false) : event.altKey && key === "arrowdown" ? () => acts.step(id, true)
      : event.altKey && key === "arrowright" ? () => acts.wrap(id) : event.altKey && key === "arrowleft" ? () => acts.out(id)
      : key === "enter" && !event.defaultPrevented && event.target.matches("input, select") ? () => acts.addAfter(id) : null
    if (!act) return
    event.preventDefault()
    event.stopPropagation()
    if (control && event.target.matches("input")) event.target.blur()
    act()
  }
  return <div ref={host} class="rule" onKeyDown={onKey}>
    <Toolbar told={told} possible={possible} send={send}/>
    <div class={told.isStale ? "rule-body stale" : "rule-body"}><Group node={root} {...{catalogue, options, acts, offers, told, drag}}/></div>
    <Zone zone={zone} name={catalogue.zone} onPick={(chosen) => put(now.current.root, chosen)}/>
    <Keys/>
    <p class="hidden-text" role="status">{said}</p>
  </div>
}

function render({model, el}) {
  const shadow = el.getRootNode()
  if (shadow.adoptedStyleSheets) shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, ...sheets]
  el.classList.add("root")
  draw(<Builder model={model}/>, el)
  model.on("remove", () => draw(null, el))
}

export default {RuleBuilder: {render}}
