/** A machine type as the appliance shows it: all values are strings. */
import { type Static, Type } from 'typebox'
import type { MachineTypeSummary } from '../../../core/catalog/catalog.ts'

export const MachineTypeView = Type.Object(
  {
    type: Type.String(),
    displayType: Type.String(),
    name: Type.String(),
    category: Type.String({ description: '`server`, `switch`, `chassis` or `storage`.' }),
    comp: Type.String({ description: 'A JSON array as a string: the components that have packages.' }),
    inventoryMT: Type.String({ description: '`false`: this server has no inventory of machines.' }),
    supportDownload: Type.String({ description: '`false`: this server downloads nothing from Lenovo.' })
  },
  { title: 'MachineType' }
)

/** @param withComponents whether `comp` lists the components, as in `updatesByMtByComp` */
export function machineTypeView(machine: MachineTypeSummary, withComponents: boolean): Static<typeof MachineTypeView> {
  return {
    type: machine.type,
    displayType: machine.type,
    name: machine.name,
    category: categoryOf(machine.categories),
    comp: JSON.stringify(withComponents ? machine.categories : []),
    inventoryMT: 'false',
    supportDownload: 'false'
  }
}

const CATEGORIES: readonly [RegExp, string][] = [
  [/switch/i, 'switch'],
  [/^(cmm|amm|chassis|fpc|smm)/i, 'chassis'],
  [/^storage/i, 'storage']
]

/** The category that all packages of the machine type match; servers have packages of many categories. */
function categoryOf(categories: readonly string[]): string {
  const known = CATEGORIES.find(([pattern]) => categories.length > 0 && categories.every((name) => pattern.test(name)))
  return known?.[1] ?? 'server'
}
