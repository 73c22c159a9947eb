// One line of a rule: what it looks at, how, how many people it lets through, what is wrong with it, what one can do.
// Belongs here: a line and its tools. Stays out: groups and dragging (`groups.jsx`).

import {Combo, Icon, Menu, NumberBox, TextBox, count} from "./controls.jsx"
import {EventParts, SequenceParts} from "./events.jsx"
import {Comparison, compare} from "./values.jsx"

export function subjects(catalogue) {
  return [
    ...catalogue.fields.map((each) => ({key: `field:${each.key}`, label: each.label, group: each.group, words: each.key})),
    ...catalogue.events.map((each) => ({key: `event:${each.key}`, label: each.label, group: `Did: ${each.group}`, words: `event ${each.key}`})),
    {key: "sequence", label: "Did one thing, then another", group: "More", words: "sequence steps order"},
    {key: "segment", label: "In another segment", group: "More", words: "member segment"},
    {key: "sample", label: "Random sample", group: "More", words: "percent share holdout"},
  ]
}

const subjectOf = (rule) => "event" in rule ? `event:${rule.event}` : "sequence" in rule ? "sequence" : "segment" in rule ? "segment"
  : "sample" in rule ? "sample" : rule.field ? `field:${rule.field}` : ""

function begin(catalogue, key, rule) {
  const [kind, name] = [key.split(":")[0], key.slice(key.indexOf(":") + 1)]
  if (kind === "event") return {event: name, did: true, ...("window" in rule ? {window: rule.window} : {})}
  if (kind === "sequence") return {sequence: [{event: ""}, {event: "", within: {amount: 7, unit: "days"}}]}
  if (kind === "segment") return {segment: ""}
  if (kind === "sample") return {sample: 10, salt: "sample"}
  const type = (field) => catalogue.fields.find((each) => each.key === field)?.type
  return compare(catalogue, {field: name, ...(rule.field && {op: rule.op, value: rule.value})}, type(name), type(rule.field))
}

function Parts({catalogue, rule, set, offers, faulty}) {
  const shared = {catalogue, rule, set, offers, faulty}
  if ("event" in rule) return <EventParts {...shared}/>
  if ("sequence" in rule) return <SequenceParts {...shared}/>
  if ("segment" in rule) return <Combo label="Segment" value={rule.segment} options={catalogue.segments} faulty={faulty} onPick={(segment) => set({segment})} placeholder="Choose a segment"/>
  if ("sample" in rule) return <>
    <NumberBox label="Share of people" value={rule.sample} suffix="%" faulty={faulty} onChange={(sample) => set({...rule, sample})}/>
    <span class="word">drawn by</span><TextBox label="Name of the draw" value={rule.salt} onChange={(salt) => set({...rule, salt})} title="The same name always draws the same people"/>
  </>
  const field = catalogue.fields.find((each) => each.key === rule.field)
  return field ? <Comparison type={field.type} about={field} subject={rule.field} {...shared}/> : null
}

export function Count({value, everybody, isKiller, label}) {
  if (value == null) return <span class="count" aria-hidden="true"/>
  const share = everybody ? 100 * value / everybody : 0
  return <span class={isKiller ? "count killer" : "count"} title={`${label}: ${count(value)} people${everybody ? `, ${share.toFixed(1)}% of everybody` : ""}`}>
    <span class="hidden-text">{label}: </span><b>{count(value)}</b><span class="bar" aria-hidden="true"><i style={{width: `${share}%`}}/></span>
  </span>
}

export function Faults({faults}) {
  return faults.map((fault) => <p class={fault.quiet ? "fault quiet" : "fault"} role="note" key={fault.path + fault.what}><Icon name="warning"/><span>{fault.what}{fault.allowed && <span class="muted"> {fault.allowed}</span>}</span></p>)
}

export function Line({node, number, catalogue, options, acts, offers, told}) {
  const {rule} = node
  const set = (next) => acts.set(node.id, next)
  const key = subjectOf(rule)
  const name = options.find((each) => each.key === key)?.label ?? "New condition"
  const faults = told.faults(node.id)
  const faulty = faults.some((fault) => !fault.quiet)
  const killer = told.killer(node.id)
  return <div class="line" role="group" aria-label={`Condition ${number}: ${name}`}>
    <div class="parts">
      {node.negated && <button type="button" class="chip warning not" title="Take the “not” away" aria-label="Not. Take it away" onClick={() => acts.negate(node.id)}>not<Icon name="close"/></button>}
      <Combo first class="subject" label="What to look at" value={key} options={options} faulty={faulty && !key} onPick={(next) => set(begin(catalogue, next, rule))} placeholder="Choose a field or an event"/>
      <Parts catalogue={catalogue} rule={rule} set={set} offers={offers} faulty={faulty}/>
    </div>
    <div class="end">
      <Count value={told.count(node.id)} everybody={told.everybody} isKiller={killer} label={`Condition ${number} alone`}/>
      <Menu label={`More for condition ${number}`} items={[
        ["Duplicate", () => acts.duplicate(node.id), "Ctrl D"], ["Move up", () => acts.step(node.id, false), "Alt ↑"], ["Move down", () => acts.step(node.id, true), "Alt ↓"],
        ["Put in brackets", () => acts.wrap(node.id), "Alt →"], told.depth(node.id) > 1 && ["Move out of the group", () => acts.out(node.id), "Alt ←"],
        [node.negated ? "Without “not”" : "Turn into “not”", () => acts.negate(node.id)],
      ]}/>
      <button type="button" class="tool" aria-label={`Remove condition ${number}`} title="Remove" onClick={() => acts.remove(node.id)}><Icon name="close"/></button>
    </div>
    {killer && <p class="fault" role="note"><Icon name="warning"/><span>{told.count(node.id) ? "Nobody is left: this line lets the fewest people through." : "Nobody fits this line."}</span></p>}
    <Faults faults={faults}/>
  </div>
}
