import type { MachineType } from '../core/package.ts'

const BRACKETS = /^(.*?)\[([^\]]*)\]/
const BARE_TYPE = /^[0-9A-Z]{4}$/

/**
 * The machine types in items such as `ThinkSystem SR650 [7X05]` or `7X05`; an item may hold several types in its brackets,
 * parted by commas. Items that hold none are left out, and so is a type that was there before.
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
  const match = BRACKETS.exec(item)
  if (match === null) return BARE_TYPE.test(item) ? [{ type: item, name: '' }] : []
  const [, name = '', types = ''] = match
  return types
    .split(',')
    .map((type) => ({ type: type.trim(), name: name.trim() }))
    .filter((machine) => machine.type !== '')
}
