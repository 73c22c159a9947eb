// Brackets: a group of lines and groups that match all, any or none; dragging by the grip at the left.
// Belongs here: groups, where something may be dropped, buttons to add. Stays out: edits of the tree (`tree.js`).

import {Icon, Menu} from "./controls.jsx"
import {Count, Faults, Line} from "./lines.jsx"
import {blank, group} from "./tree.js"

const MODES = {all: ["all", false], any: ["any", false], none: ["any", true], notall: ["all", true]}
const WORDS = {all: "All", any: "Any", none: "None", notall: "Not all"}
const modeOf = (node) => Object.keys(MODES).find((name) => MODES[name][0] === node.mode && MODES[name][1] === node.negated)

function Grip({id, drag, number}) {
  return <span class="grip" onPointerDown={(event) => drag.start(event, id)} title="Drag to reorder, or Alt with the arrow keys" aria-hidden="true" data-grip={number}><Icon name="grip"/></span>
}

function Head({node, depth, number, acts, told}) {
  const mode = modeOf(node)
  const names = Object.keys(WORDS).filter((name) => name !== "notall" || mode === "notall")
  return <div class="group-head">
    <span class="word" id={`of-${node.id}`}>{depth ? "Match" : "People who match"}</span>
    <span class="modes" role="group" aria-label={depth ? `Group ${number}: match` : "People who match"}>
      {names.map((name) => <button key={name} type="button" aria-pressed={mode === name ? "true" : "false"} onClick={() => acts.mode(node.id, ...MODES[name])}>{WORDS[name]}</button>)}
    </span>
    <span class="word">of these</span>
    <span class="grow"/>
    {depth > 0 && <>
      <Count value={told.count(node.id)} everybody={told.everybody} isKiller={told.killer(node.id)} label={`Group ${number}`}/>
      <Menu label={`More for group ${number}`} items={[
        ["Duplicate", () => acts.duplicate(node.id), "Ctrl D"], ["Move up", () => acts.step(node.id, false), "Alt ↑"], ["Move down", () => acts.step(node.id, true), "Alt ↓"],
        depth > 1 && ["Move out of the group", () => acts.out(node.id), "Alt ←"], ["Remove only the brackets", () => acts.unwrap(node.id)],
      ]}/>
      <button type="button" class="tool" aria-label={`Remove group ${number}`} title="Remove the group" onClick={() => acts.remove(node.id)}><Icon name="close"/></button>
    </>}
  </div>
}

export function Group({node, depth = 0, number = "1", ...shared}) {
  const {acts, told, drag} = shared
  const joined = node.mode === "any" ? "or" : "and"
  const looks = (id) => ["node", drag.moving === id && "moving", drag.over?.id === id && `drop-${drag.over.side}`].filter(Boolean).join(" ")
  return <div class={`group depth-${Math.min(depth, 4)}`} role="group" aria-label={depth ? `Group ${number}` : "Rule"} data-group={node.id}>
    <Head node={node} depth={depth} number={number} acts={acts} told={told}/>
    <ul class="nodes">
      {node.children.map((child, at) => {
        const label = depth ? `${number}.${at + 1}` : String(at + 1)
        return <li key={child.id} class={looks(child.id)} data-node={child.id}>
          <Grip id={child.id} drag={drag} number={label}/>
          <span class="joined">{at ? joined : "where"}</span>
          {child.kind === "group" ? <Group {...shared} node={child} depth={depth + 1} number={label}/> : <Line {...shared} node={child} number={label}/>}
        </li>
      })}
    </ul>
    {node.children.length === 0 && <p class={`nobody ${drag.over?.id === node.id ? "drop-into" : ""}`}>{depth === 0 && node.mode === "all" ? "No condition yet: everybody is in." : node.mode === "all" ? "An empty group lets everybody through." : "An empty “any” group lets nobody through."}</p>}
    <Faults faults={told.own(node.id)}/>
    <div class="adders">
      <button type="button" class="button small" data-add={node.id} onClick={() => acts.add(node.id, blank())}><Icon name="plus"/>Add condition</button>
      {depth < 18 && <button type="button" class="button quiet small" onClick={() => acts.add(node.id, group(node.mode === "all" ? "any" : "all", [blank()]))}><Icon name="brackets"/>Add group</button>}
    </div>
  </div>
}
