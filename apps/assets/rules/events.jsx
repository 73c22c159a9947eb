// What people did: one kind of event, counted or measured, narrowed by its details and by time; and steps in order.
// Belongs here: the editors of event, window, details and sequence. Stays out: the line around them.

import {Combo, DateBox, Icon, Pick, SpanBox} from "./controls.jsx"
import {Comparison, Properties, compare} from "./values.jsx"

const NUMERIC = ["number", "money", "score", "prediction"]
const HOW = [["did", "did this"], ["did_not", "did not do this"], ["count", "number of times"], ["distinct", "number of different"], ["sum", "total of"],
  ["avg", "average of"], ["min", "lowest"], ["max", "highest"], ["first", "first value of"], ["last", "last value of"]]
const WHEN = [["ever", "at any time"], ["last", "in the last"], ["from", "between two dates"], ["between", "between two spans ago"]]
const without = (rule, ...names) => Object.fromEntries(Object.entries(rule).filter(([name]) => !names.includes(name)))
const eventOf = (catalogue, key) => catalogue.events.find((each) => each.key === key)

function typeOf(event, rule) {
  if (rule.measure === "count" || rule.measure === "distinct") return "number"
  return event?.properties.find((each) => each.key === rule.property)?.type ?? "number"
}

export function Window({rule, set, label, faulty}) {
  const window = rule.window
  const kind = !window ? "ever" : "last" in window ? "last" : "between" in window ? "between" : "from"
  const span = (amount, unit = "days") => ({amount, unit})
  const pick = (next) => set(next === "ever" ? without(rule, "window") : {...rule, window: {
    last: {last: span(30)}, from: {from: null, to: null}, between: {between: [span(60), span(30)]}}[next]})
  const put = (value) => set({...rule, window: value})
  return <span class="together">
    <Pick label={`${label}: when`} value={kind} options={WHEN} onPick={pick}/>
    {kind === "last" && <SpanBox label={`${label}, window`} value={window.last} faulty={faulty} onChange={(last) => put({last})}/>}
    {kind === "from" && <><DateBox label={`${label}, from`} value={window.from} faulty={faulty} onChange={(from) => put({...window, from})}/><span class="word">and</span><DateBox label={`${label}, to`} value={window.to} faulty={faulty} onChange={(to) => put({...window, to})}/></>}
    {kind === "between" && <><SpanBox label={`${label}, from`} value={window.between[0]} faulty={faulty} onChange={(from) => put({between: [from, window.between[1]]})}/><span class="word">and</span><SpanBox label={`${label}, to`} value={window.between[1]} faulty={faulty} onChange={(to) => put({between: [window.between[0], to]})}/><span class="word">ago</span></>}
  </span>
}

// details that must all hold for the same event
export function Details({catalogue, event, rule, set, offers, faulty}) {
  const rows = rule.where ?? []
  const put = (next) => set(next.length ? {...rule, where: next} : without(rule, "where"))
  const edit = (at, row) => put(rows.map((each, place) => place === at ? row : each))
  const propertyOf = (key) => event.properties.find((each) => each.key === key)
  const choose = (at, key) => edit(at, compare(catalogue, {...rows[at], property: key}, propertyOf(key)?.type, propertyOf(rows[at].property)?.type))
  return <>
    {rows.map((row, at) => {
      const property = propertyOf(row.property)
      const about = property ?? {label: "Detail"}
      return <div class="sub" role="group" aria-label={`Detail ${at + 1}: ${about.label}`} key={at}>
        <span class="word">{at ? "and" : "where"}</span>
        <Properties catalogue={catalogue} event={event} value={row.property} label="Detail" onPick={(key) => choose(at, key)}/>
        {property && <Comparison catalogue={catalogue} type={property.type} rule={row} set={(next) => edit(at, next)} about={about} subject={`${event.key}.${property.key}`} offers={offers} faulty={faulty}/>}
        <button type="button" class="tool" aria-label={`Remove detail ${at + 1}`} onClick={() => put(rows.filter((_, place) => place !== at))}><Icon name="close"/></button>
      </div>
    })}
  </>
}

const addDetail = (rule) => ({...rule, where: [...(rule.where ?? []), {property: ""}]})

export function EventParts({catalogue, rule, set, offers, faulty}) {
  const event = eventOf(catalogue, rule.event)
  const how = rule.measure ?? (rule.did === false ? "did_not" : "did")
  const about = event ?? {label: "Event", properties: []}
  const pick = (next) => {
    const plain = without(rule, "did", "measure", "property", "op", "value")
    if (next === "did" || next === "did_not") return set({...plain, did: next === "did"})
    const only = ["sum", "avg"].includes(next) ? NUMERIC : undefined
    const kept = next === "count" ? undefined : about.properties.find((each) => each.key === rule.property && (!only || only.includes(each.type))) ?? about.properties.find((each) => !only || only.includes(each.type))
    const measured = {...plain, measure: next, ...(kept && {property: kept.key}), ...(rule.measure && {op: rule.op, value: rule.value})}
    set(compare(catalogue, measured, typeOf(about, measured), rule.measure ? typeOf(about, rule) : ""))
  }
  const property = (key) => { const next = {...rule, property: key}; set(compare(catalogue, next, typeOf(about, next), typeOf(about, rule))) }
  const hows = about.properties.length ? HOW : HOW.slice(0, 3)
  const measured = about.properties.find((each) => each.key === rule.property)
  return <>
    <Pick label={`${about.label}: how`} value={how} options={hows} onPick={pick}/>
    {rule.measure && rule.measure !== "count" && <Properties catalogue={catalogue} event={about} value={rule.property} onPick={property} label={`${about.label}: detail`}
      only={["sum", "avg"].includes(rule.measure) ? NUMERIC : undefined}/>}
    {rule.measure && <Comparison catalogue={catalogue} type={typeOf(about, rule)} rule={rule} set={set} faulty={faulty} offers={offers} subject={`${rule.event}.${rule.property ?? ""}`}
      about={rule.measure === "count" ? {label: "Number of times", unit: "×"} : rule.measure === "distinct" ? {label: "Number"} : {label: measured?.label ?? about.label, currency: measured?.currency}}/>}
    <Window rule={rule} set={set} label={about.label} faulty={faulty}/>
    {event?.properties.length > 0 && <button type="button" class="button quiet small" onClick={() => set(addDetail(rule))}><Icon name="plus"/>Detail</button>}
    {event && <Details catalogue={catalogue} event={event} rule={rule} set={set} offers={offers} faulty={faulty}/>}
  </>
}

function Step({catalogue, step, set, offers, label, word, timed, drop}) {
  const event = eventOf(catalogue, step.event)
  return <>
    <div class="sub" role="group" aria-label={label}>
      <span class="word">{word}</span>
      <Combo label={`${label}: event`} value={step.event} options={catalogue.events.map((each) => ({key: each.key, label: each.label, group: each.group}))} onPick={(key) => set({...without(step, "where"), event: key})}/>
      {timed && <><span class="word">within</span><SpanBox label={label} value={step.within} onChange={(within) => set({...step, within})}/></>}
      {event?.properties.length > 0 && <button type="button" class="button quiet small" onClick={() => set(addDetail(step))}><Icon name="plus"/>Detail</button>}
      {drop && <button type="button" class="tool" aria-label={`Remove ${label.toLowerCase()}`} onClick={drop}><Icon name="close"/></button>}
    </div>
    {event && step.where && <div class="deeper"><Details catalogue={catalogue} event={event} rule={step} set={set} offers={offers}/></div>}
  </>
}

export function SequenceParts({catalogue, rule, set, offers, faulty}) {
  const steps = rule.sequence
  const put = (next) => set({...rule, sequence: next})
  const week = {amount: 7, unit: "days"}
  return <>
    <Window rule={rule} set={set} label="Steps" faulty={faulty}/>
    <div class="steps">
      {steps.map((step, at) => <Step key={at} catalogue={catalogue} step={step} offers={offers} label={`Step ${at + 1}`} word={at ? "then" : "first"} timed={at > 0}
        set={(next) => put(steps.map((each, place) => place === at ? next : each))} drop={at > 0 ? () => put(steps.filter((_, place) => place !== at)) : undefined}/>)}
      {rule.without && <Step catalogue={catalogue} step={rule.without} offers={offers} label="Without" word="and not" timed={steps.length === 1}
        set={(next) => set({...rule, without: next})} drop={() => set(without(rule, "without"))}/>}
      <div class="sub">
        <button type="button" class="button quiet small" onClick={() => put([...steps, {event: "", within: week}])}><Icon name="plus"/>Then</button>
        {!rule.without && <button type="button" class="button quiet small" onClick={() => set({...rule, without: {event: "", ...(steps.length === 1 && {within: week})}})}><Icon name="plus"/>And not</button>}
      </div>
    </div>
  </>
}
