import type { MachineType } from '../core/catalog/package.ts'

/** Four characters, or one of the longer forms of chassis and switches: `7X05`, `7159BF7`, `0x0130-0x0017`. */
const TYPE = /^[0-9A-Z][0-9A-Za-z_-]{3,}$/
const BARE_TYPE = /^[0-9A-Z]{4}$/

/**
 * The machine types in items such as `ThinkSystem SR650 [7X05]` or `7X05`; an item may hold several types in its
 * brackets, parted by commas. Items that hold none are left out, and so is a type that was there before.
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

/** Without a regular expression: on hostile texts it would take time that grows with the square of their length. */
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
