// The rule as the builder holds it: groups and lines with an id each, and plain functions that give a changed copy.
//
// Belongs here: reading a rule document, writing it again with the path of every node, and edits of the tree.
// Stays out: anything that shows (`*.jsx`). A "not" around a node is kept as the node's own `negated`; "not not" cancels.

let last = 0
const fresh = () => `n${++last}`
const isGroup = (node) => node.kind === "group"

export function line(rule, negated = false) { return {id: fresh(), kind: "line", negated, rule} }
export function group(mode, children, negated = false) { return {id: fresh(), kind: "group", mode, negated, children} }
export const blank = () => line({field: ""})

function readNode(node, negated = false) {
  if (node && typeof node === "object" && "not" in node) return readNode(node.not, !negated)
  for (const mode of ["all", "any"]) if (node && Array.isArray(node[mode])) return group(mode, node[mode].map((child) => readNode(child)), negated)
  return line(node ?? {field: ""}, negated)
}

// ids of the tree before are kept where the shape is the same, so that focus survives an undo
function adopt(node, before) {
  if (!before || before.kind !== node.kind) return node
  const children = isGroup(node) ? node.children.map((child, place) => adopt(child, before.children[place])) : undefined
  return {...node, id: before.id, ...(children && {children})}
}

export function read(document, before) {
  const node = readNode(document?.where ?? {all: []})
  return adopt(isGroup(node) ? node : group("all", [node]), before)
}

// whose days are meant; the workspace's are not written down, as the server does not either
export const zoneOf = (document) => document?.time_zone ?? "workspace"
export function inZone(document, zone) {
  const {time_zone: _, ...rest} = document ?? {}
  return zone === "person" ? {...rest, time_zone: zone} : rest
}

function writeNode(node, path, paths) {
  paths.set(node.id, path)
  const inner = node.negated ? `${path}.not` : path
  const plain = isGroup(node)
    ? {[node.mode]: node.children.map((child, place) => writeNode(child, `${inner}.${node.mode}[${place}]`, paths))}
    : node.rule
  return node.negated ? {not: plain} : plain
}

export function write(root, document) {
  const paths = new Map()
  const where = writeNode(root, "where", paths)
  return {document: {...document, where}, paths}
}

export function change(node, id, turn) {
  if (node.id === id) return turn(node)
  if (!isGroup(node)) return node
  const children = node.children.map((child) => change(child, id, turn))
  return children.some((child, place) => child !== node.children[place]) ? {...node, children} : node
}

// the group that holds a node, and the node's place in it; nothing for the root
export function place(root, id) {
  for (const [at, child] of (root.children ?? []).entries()) {
    if (child.id === id) return {parent: root, at}
    const found = place(child, id)
    if (found) return found
  }
}

export function find(root, id) {
  if (root.id === id) return root
  for (const child of root.children ?? []) {
    const found = find(child, id)
    if (found) return found
  }
}

const splice = (root, parent, at, removed, ...added) =>
  change(root, parent, (node) => ({...node, children: node.children.toSpliced(at, removed, ...added)}))

export const append = (root, parent, node) => splice(root, parent, Infinity, 0, node)

export function after(root, id, node) {
  const found = place(root, id)
  return found ? splice(root, found.parent.id, found.at + 1, 0, node) : append(root, root.id, node)
}

export function remove(root, id) {
  const found = place(root, id)
  return found ? splice(root, found.parent.id, found.at, 1) : root
}

const renamed = (node) => ({...structuredClone(node), id: fresh(), ...(isGroup(node) && {children: node.children.map(renamed)})})

export function duplicate(root, id) {
  const copy = find(root, id)
  return copy && copy !== root ? {root: after(root, id, renamed(copy)), copied: true} : {root, copied: false}
}

// brackets around a node: a group of the other kind than the one around it
export function wrap(root, id) {
  const found = place(root, id)
  if (!found) return root
  const node = found.parent.children[found.at]
  return splice(root, found.parent.id, found.at, 1, group(found.parent.mode === "all" ? "any" : "all", [node]))
}

export function unwrap(root, id) {
  const found = place(root, id)
  const node = found?.parent.children[found.at]
  return node && isGroup(node) ? splice(root, found.parent.id, found.at, 1, ...node.children) : root
}

export function move(root, id, target, side) {
  const node = find(root, id)
  if (!node || id === target || find(node, target)) return root
  const without = remove(root, id)
  if (side === "into") return append(without, target, node)
  const found = place(without, target)
  return found ? splice(without, found.parent.id, found.at + (side === "after" ? 1 : 0), 0, node) : root
}

// one step up or down as the eye sees it: past a line, into a group, out of a group
export function step(root, id, down) {
  const found = place(root, id)
  if (!found) return root
  const {parent, at} = found
  const neighbour = parent.children[at + (down ? 1 : -1)]
  if (!neighbour) return parent.id === root.id ? root : move(root, id, parent.id, down ? "after" : "before")
  if (!isGroup(neighbour)) return move(root, id, neighbour.id, down ? "after" : "before")
  if (!down || neighbour.children.length === 0) return move(root, id, neighbour.id, "into")
  return move(root, id, neighbour.children[0].id, "before")
}

export const out = (root, id) => {
  const found = place(root, id)
  return found && found.parent.id !== root.id ? move(root, id, found.parent.id, "after") : root
}
