import type { MachineType } from '../core/catalog/package.ts'

/** Four characters, or the longer forms of chassis and switches: `7X05`, `7159BF7`, `0x0130-0x0017`. */
const TYPE = /^[0-9A-Z][0-9A-Za-z_-]{3,}$/
const BARE_TYPE = /^[0-9A-Z]{4}$/

/**
 * The machine types in items such as `ThinkSystem SR650 [7X05]` or `7X05`; the brackets of an item may contain several
 * comma-separated types. Skips items without a type, and repeated types.
 */
export function parseMachineTypes(items: readonly string[]): MachineType[] {
  const found = new Map<string, MachineType>()
  for (const item of items) {
    for (const machine of parseItem(item.trim())) {
      if (!found.has(machine.type)) found.set(machine.type, machine)
    }
  }
  return [...found.values()]
}

function parseItem(item: string): MachineType[] {
  const open = item.indexOf('[')
  if (open === -1) return BARE_TYPE.test(item) ? [{ type: item, name: '' }] : []
  const name = item.slice(0, open).trim()
  return contentsOfBrackets(item, open)
    .flatMap((content) => content.split(','))
    .map((type) => type.trim())
    .filter((type) => TYPE.test(type))
    .map((type) => ({ type, name }))
}

/** Not a regular expression: for hostile texts its time would grow with the square of their length. */
function contentsOfBrackets(item: string, first: number): string[] {
  const contents: string[] = []
  for (let open = first; open !== -1; ) {
    const close = item.indexOf(']', open)
    if (close === -1) break
    contents.push(item.slice(open + 1, close))
    open = item.indexOf('[', close)
  }
  return contents
}
