// Operator and value of one comparison, by the type of what is compared: the same editor serves a field, a measure of
// events and a property of an event. Stays out: which operators there are (the catalogue says) and layout of lines.

import {Combo, DateBox, NumberBox, Pick, SpanBox, TextBox, Values} from "./controls.jsx"

const FAVOURITE = {text: "one_of", number: "at_least", money: "at_least", score: "at_least", prediction: "at_least", boolean: "is_true",
  consent: "is_granted", date: "within_last", list: "contains_any", geography: "one_of"}
const SIGNS = {EUR: "€", USD: "$", GBP: "£", JPY: "¥", INR: "₹"}
const countries = new Intl.DisplayNames(["en"], {type: "region"})
const country = (code) => /^[A-Z]{2}$/.test(code) ? countries.of(code) : code
const isNumeric = (type) => ["number", "money", "score", "prediction"].includes(type)

export const operatorsOf = (catalogue, type) => catalogue.operators[type] ?? []
const takes = (catalogue, type, op) => operatorsOf(catalogue, type).find((each) => each.key === op)?.takes ?? "one"

// what stands there before anyone typed; nothing where a guess would be a lie
function emptyOf(kind) {
  return {many: [], regions: [], two: [null, null], relative: {amount: 30, unit: "days"}}[kind]
}
function carried(value, before, now) {
  if (before === now) return value
  if (before === "one" && now === "many") return value == null ? [] : [value]
  if (before === "many" && now === "one") return value?.[0]
  if (before === "one" && now === "two") return [value ?? null, null]
  if (before === "two" && now === "one") return value?.[0]
  return emptyOf(now)
}
const withValue = (rule, value) => {
  const {value: _, ...rest} = rule
  return value === undefined || value === null || value === "" ? rest : {...rest, value}
}

// a comparison for a type, keeping what still makes sense
export function compare(catalogue, rule, type, before) {
  const operators = operatorsOf(catalogue, type)
  if (type === before && operators.some((each) => each.key === rule.op)) return rule
  const op = operators.some((each) => each.key === FAVOURITE[type]) ? FAVOURITE[type] : operators[0]?.key
  return withValue({...rule, op}, emptyOf(takes(catalogue, type, op)))
}

function Value({catalogue, type, rule, set, about, subject, faulty, offers}) {
  const kind = takes(catalogue, type, rule.op)
  const put = (value) => set(withValue(rule, value))
  const sign = type === "money" ? SIGNS[rule.currency ?? about.currency] ?? rule.currency ?? about.currency : undefined
  const one = (value, change, label) => type === "date"
    ? <DateBox label={label} value={value} faulty={faulty} onChange={change}/>
    : isNumeric(type) ? <NumberBox label={label} value={value} faulty={faulty} prefix={sign} suffix={about.unit} onChange={change}/>
    : <TextBox label={label} value={value} faulty={faulty} onChange={change}/>
  if (kind === "none") return null
  if (kind === "relative") return <SpanBox label={`${about.label}, span of time`} value={rule.value} faulty={faulty} onChange={put}/>
  if (kind === "regions") return <Values label={`${about.label}: regions`} value={rule.value} onChange={put} faulty={faulty} ask={() => {}}
    suggestions={catalogue.regions.map((region) => ({value: region.key, label: region.label}))}/>
  if (kind === "many") return <Values label={`${about.label}: values`} value={rule.value} onChange={put} faulty={faulty} isNumber={isNumeric(type)}
    suggestions={type === "geography" ? offers.of(subject).map((each) => ({...each, label: country(each.value)})) : offers.of(subject)} named={type === "geography" ? country : String} ask={(words) => offers.ask(subject, words)}/>
  if (kind === "two") {
    const pair = Array.isArray(rule.value) ? rule.value : [null, null]
    return <span class="together">{one(pair[0], (from) => put([from, pair[1]]), `${about.label}, from`)}<span class="word">and</span>{one(pair[1], (to) => put([pair[0], to]), `${about.label}, to`)}</span>
  }
  return one(rule.value, put, `${about.label}: value`)
}

export function Comparison(props) {
  const {catalogue, type, rule, set, about} = props
  const pickOperator = (op) => set(withValue({...rule, op}, carried(rule.value, takes(catalogue, type, rule.op), takes(catalogue, type, op))))
  return <>
    <Pick class="operator" label={`${about.label}: operator`} value={rule.op} options={operatorsOf(catalogue, type).map((each) => [each.key, each.label])} onPick={pickOperator}/>
    <Value {...props}/>
  </>
}

export function Properties({catalogue, value, onPick, event, only, label}) {
  const options = (event?.properties ?? []).filter((each) => !only || only.includes(each.type)).map((each) => ({key: each.key, label: each.label}))
  return <Combo class="property" label={label} value={value} options={options} onPick={onPick} placeholder="Choose a detail"/>
}
