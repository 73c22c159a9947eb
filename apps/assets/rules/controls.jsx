// The small controls of the builder: pickers, fields, chips and menus, each usable by keyboard and named for readers
// of the screen. Belongs here: looks and behaviour of one control. Stays out: rules (`lines.jsx`).

import {useEffect, useId, useMemo, useRef, useState} from "preact/hooks"

const SHAPES = {
  close: "m6.5 6.5 11 11M17.5 6.5l-11 11", plus: "M12 5v14M5 12h14", down: "m7 10 5 5 5-5",
  grip: "M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01", more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  brackets: "M8 4.5H5v15h3M16 4.5h3v15h-3M9.5 12h5", undo: "M9 7 4.5 11.5 9 16M5 11.5h9a5 5 0 0 1 0 10h-2",
  redo: "m15 7 4.5 4.5L15 16M19 11.5h-9a5 5 0 0 0 0 10h2", warning: "M12 4.5 21 19.5H3zM12 10v4.5M12 17v.1",
}
export const Icon = ({name}) => <svg class={`icon ${name}`} viewBox="0 0 24 24" aria-hidden="true"><path d={SHAPES[name]}/></svg>

export function Pick({value, options, onPick, label, class: look = "", ...rest}) {
  return <select class={`input pick ${look}`} value={value ?? ""} aria-label={label} onChange={(event) => onPick(event.target.value)} {...rest}>
    {value == null || options.some(([key]) => key === value) ? null : <option value={value}>{String(value)}</option>}
    {options.map(([key, words]) => <option key={key} value={key}>{words}</option>)}
  </select>
}

// a field that tells its value a quarter of a second after the last key, and at once on leaving
function useTyped(value, commit, parse = (text) => text) {
  const [text, setText] = useState(value ?? "")
  const timer = useRef(), told = useRef(value ?? "")
  useEffect(() => { if (String(value ?? "") !== String(told.current)) { told.current = value ?? ""; setText(value ?? "") } }, [value])
  const tell = (typed) => {
    clearTimeout(timer.current)
    const parsed = parse(typed)
    if (parsed !== undefined && String(parsed) !== String(told.current)) { told.current = parsed; commit(parsed) }
  }
  useEffect(() => () => clearTimeout(timer.current), [])
  return {
    value: text,
    onInput: (event) => { const typed = event.target.value; setText(typed); clearTimeout(timer.current); timer.current = setTimeout(() => tell(typed), 250) },
    onBlur: () => tell(text),
    onKeyDown: (event) => { if (event.key === "Enter") tell(text) },
  }
}

export function TextBox({value, onChange, label, faulty, placeholder = "", ...rest}) {
  return <input class="input text" type="text" aria-label={label} aria-invalid={faulty || undefined} placeholder={placeholder} autocomplete="off" {...useTyped(value, onChange)} {...rest}/>
}

const asNumber = (text) => {
  const plain = String(text).replaceAll(/[\s\u202f']/g, "").replace(/,(?=\d{3}(\D|$))/g, "").replace(",", ".")
  return plain === "" ? null : Number.isFinite(+plain) ? +plain : undefined
}

export function NumberBox({value, onChange, label, prefix, suffix, faulty, width = 92}) {
  const typed = useTyped(value, onChange, asNumber)
  const bad = faulty || (typed.value !== "" && asNumber(typed.value) === undefined)
  return <span class="affixed" style={{width: `${width + (prefix ? 18 : 0) + (suffix ? 30 : 0)}px`}}>
    {prefix && <span class="affix" aria-hidden="true">{prefix}</span>}
    <input class="input number" type="text" inputmode="decimal" aria-label={label} aria-invalid={bad || undefined} autocomplete="off" {...typed}/>
    {suffix && <span class="affix end" aria-hidden="true">{suffix}</span>}
  </span>
}

export function DateBox({value, onChange, label, faulty}) {
  return <input class="input date" type="date" aria-label={label} aria-invalid={faulty || undefined} value={value ?? ""}
    onChange={(event) => onChange(event.target.value || null)}/>
}

export const UNITS = ["hours", "days", "weeks", "months", "years"]
export function SpanBox({value, onChange, label, faulty}) {
  const span = value ?? {amount: null, unit: "days"}
  return <span class="together">
    <NumberBox label={`${label}: how many`} width={64} faulty={faulty} value={span.amount} onChange={(amount) => onChange({...span, amount})}/>
    <Pick label={`${label}: unit`} value={span.unit} options={UNITS.map((unit) => [unit, unit])} onPick={(unit) => onChange({...span, unit})}/>
  </span>
}

const fits = (option, words) => words.every((word) => `${option.label} ${option.group ?? ""} ${option.words ?? ""}`.toLowerCase().includes(word))
const grouped = (options) => {
  const groups = new Map()
  for (const option of options) groups.set(option.group ?? "", [...(groups.get(option.group ?? "") ?? []), option])
  return [...groups]
}

function List({id, options, at, onPick, label}) {
  const chosen = useRef()
  useEffect(() => chosen.current?.scrollIntoView({block: "nearest"}), [at])
  let place = -1
  return <div class="popup" role="listbox" id={id} aria-label={label} onMouseDown={(event) => event.preventDefault()}>
    {grouped(options).map(([name, members]) => <div key={name} role={name ? "group" : "presentation"} aria-label={name || undefined}>
      {name && <div class="popup-head" aria-hidden="true">{name}</div>}
      {members.map((option) => {
        const mine = ++place
        return <div key={option.key} id={`${id}-${mine}`} ref={mine === at ? chosen : undefined} role="option" class={mine === at ? "option at" : "option"}
          aria-selected={option.selected ? "true" : "false"} onClick={() => onPick(option)}>
          <span>{option.label}</span>{option.hint && <span class="muted">{option.hint}</span>}</div>
      })}
    </div>)}
  </div>
}

// arrows, Home, End, Enter and Escape over a list that stays below its field
function useList(options, pick, close) {
  const [at, setAt] = useState(0)
  const safe = Math.min(at, options.length - 1)
  const keys = (event, isOpen, open) => {
    const jump = {ArrowDown: 1, ArrowUp: -1}[event.key]
    if (event.altKey || event.ctrlKey || event.metaKey) return
    if (jump) {
      event.preventDefault()
      if (!isOpen) return open()
      setAt((safe + jump + options.length) % Math.max(options.length, 1))
    } else if (event.key === "Enter" && isOpen && options[safe]) { event.preventDefault(); pick(options[safe]) }
    else if (event.key === "Escape" && isOpen) { event.preventDefault(); event.stopPropagation(); close() }
  }
  return {at: safe, setAt, keys}
}

export function Combo({value, options, onPick, label, placeholder = "Choose…", faulty, class: look = "", first}) {
  const id = useId()
  const [words, setWords] = useState(null)
  const isOpen = words !== null
  const current = options.find((option) => option.key === value)
  const shown = useMemo(() => {
    const asked = (words ?? "").toLowerCase().split(/\s+/).filter(Boolean)
    const marked = options.map((option) => ({...option, selected: option.key === value}))
    return grouped(asked.length ? marked.filter((option) => fits(option, asked)) : marked).flatMap(([, members]) => members)
  }, [options, words, value])
  const close = () => setWords(null)
  const pick = (option) => { close(); if (option.key !== value) onPick(option.key) }
  const list = useList(shown, pick, close)
  const open = () => { setWords(""); list.setAt(Math.max(0, options.findIndex((option) => option.key === value))) }
  return <span class={`combo ${look}`}>
    <input class="input" type="text" role="combobox" aria-label={label} aria-expanded={isOpen} aria-controls={isOpen ? id : undefined} aria-autocomplete="list"
      aria-activedescendant={isOpen && shown.length ? `${id}-${list.at}` : undefined} aria-invalid={faulty || undefined} data-first={first || undefined}
      autocomplete="off" spellcheck={false} value={isOpen && words ? words : current?.label ?? ""} placeholder={isOpen ? "Type to search" : placeholder}
      onClick={() => isOpen || open()} onBlur={close} onKeyDown={(event) => list.keys(event, isOpen, open)}
      onFocus={(event) => event.target.select()} onInput={(event) => { setWords(event.target.value); list.setAt(0) }}/>
    <Icon name="down"/>
    {isOpen && (shown.length ? <List id={id} options={shown} at={list.at} onPick={pick} label={label}/> : <div class="popup nothing">Nothing with these words.</div>)}
  </span>
}

const figure = new Intl.NumberFormat("en-GB")
export const count = (value) => figure.format(value)

// several values as chips, with suggestions from the warehouse and how many people have each
export function Values({value, onChange, label, faulty, suggestions, ask, isNumber, named = String}) {
  const id = useId()
  const field = useRef()
  const [words, setWords] = useState(null)
  const chosen = Array.isArray(value) ? value : value == null || value === "" ? [] : [value]
  const isOpen = words !== null
  const known = suggestions.filter((each) => !chosen.includes(each.value) && fits({label: String(each.label), words: String(each.value)}, (words ?? "").toLowerCase().split(/\s+/).filter(Boolean)))
  const typed = (words ?? "").trim()
  const options = known.slice(0, 60).map((each) => ({key: String(each.value), value: each.value, label: String(each.label), hint: each.count == null ? "" : count(each.count)}))
  const mine = isNumber ? asNumber(typed) : typed
  if (typed && mine != null && !suggestions.some((each) => String(each.label).toLowerCase() === typed.toLowerCase())) options.push({key: `own ${typed}`, value: mine, label: `Use “${typed}”`})
  const close = () => setWords(null)
  const pick = (option) => { setWords(""); list.setAt(0); ask(""); onChange([...chosen, option.value]) }
  const list = useList(options, pick, close)
  const open = () => { setWords(""); ask("") }
  const name = (each) => suggestions.find((known) => known.value === each)?.label ?? named(each)
  const drop = (each) => { onChange(chosen.filter((other) => other !== each)); field.current?.focus() }
  return <span class={`combo chips input ${faulty ? "faulty" : ""} ${chosen.length ? "filled" : ""}`} onClick={(event) => event.target === event.currentTarget && field.current.focus()}>
    {chosen.map((each) => <span key={String(each)} class="chip primary">{name(each)}<button type="button" aria-label={`Take ${name(each)} away`} onClick={() => drop(each)}><Icon name="close"/></button></span>)}
    <input ref={field} type="text" role="combobox" aria-label={label} aria-expanded={isOpen} aria-controls={isOpen && options.length ? id : undefined} aria-autocomplete="list"
      aria-activedescendant={isOpen && options.length ? `${id}-${list.at}` : undefined} aria-invalid={faulty || undefined} autocomplete="off" spellcheck={false}
      value={words ?? ""} placeholder={chosen.length ? "" : "Choose or type…"} onFocus={open} onClick={() => isOpen || open()} onBlur={close}
      onKeyDown={(event) => { if (event.key === "Backspace" && !words && chosen.length) drop(chosen.at(-1)); else list.keys(event, isOpen && options.length > 0, open) }}
      onInput={(event) => { setWords(event.target.value); list.setAt(0); ask(event.target.value) }}/>
    {isOpen && options.length > 0 && <List id={id} options={options} at={list.at} onPick={pick} label={label}/>}
  </span>
}

export function Menu({label, items}) {
  const [isOpen, setOpen] = useState(false)
  const box = useRef()
  useEffect(() => { if (isOpen) box.current?.querySelector("[role=menuitem]")?.focus() }, [isOpen])
  const keys = (event) => {
    const rows = [...box.current.querySelectorAll("[role=menuitem]")]
    const jump = {ArrowDown: 1, ArrowUp: -1}[event.key]
    if (jump && !event.altKey) { event.preventDefault(); event.stopPropagation(); rows[(rows.indexOf(event.target) + jump + rows.length) % rows.length]?.focus() }
    if (event.key === "Escape" && isOpen) { event.preventDefault(); event.stopPropagation(); setOpen(false); box.current.querySelector("button").focus() }
    if (event.key === "Enter") event.stopPropagation()
  }
  const leave = (event) => { if (!box.current.contains(event.relatedTarget)) setOpen(false) }
  return <span class="combo menu-box" ref={box} onKeyDown={isOpen ? keys : undefined} onFocusOut={leave}>
    <button type="button" class="tool" aria-label={label} title={label} aria-haspopup="menu" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}><Icon name="more"/></button>
    {isOpen && <div class="popup right" role="menu" aria-label={label}>
      {items.filter(Boolean).map(([words, act, keyed]) => <button key={words} type="button" role="menuitem" tabindex={-1} class="option" onClick={() => { setOpen(false); act() }}>
        <span>{words}</span>{keyed && <kbd>{keyed}</kbd>}</button>)}
    </div>}
  </span>
}
