/** The machines of the synthetic packages. */
export interface MachineType {
  /** Four characters. */
  readonly type: string
  readonly name: string
}

const CLASSIC_MACHINES: readonly (readonly [string, string])[] = [
  ['SR650', '7X05 7X06'],
  ['SR670 V2', '7Z23 7Z22'],
  ['SR630', '7X01 7X02'],
  ['SR590', '7X98 7X99'],
  ['SR950', '7X11 7X12 7X13'],
  ['SR850', '7X18 7X19'],
  ['SR550', '7X03 7X04'],
  ['SR530', '7X07 7X08'],
  ['SN550', '7X16'],
  ['SN850', '7X15'],
  ['SD530', '7X21'],
  ['SR860', '7X69 7X70'],
  ['ST550', '7X09 7X10'],
  ['SR570', '7Y02 7Y03'],
  ['SR250', '7Y51 7Y52'],
  ['ST250', '7Y45 7Y46'],
  ['SR670', '7Y36 7Y37 7Y38'],
  ['SR635', '7Y98 7Y99'],
  ['SR655', '7Y00 7Z01'],
  ['SR645', '7D2X 7D2Y'],
  ['SR665', '7D2V 7D2W'],
  ['SR650 V2', '7Z72 7Z73'],
  ['SR630 V2', '7Z70 7Z71'],
  ['SR850 V2', '7D31 7D32 7D33'],
  ['ST650 V2', '7Z74 7Z75'],
  ['SN550 V2', '7Z69']
]

const V3_MACHINES: readonly (readonly [string, string])[] = [
  ['SR650 V3', '7D75 7D76 7D77'],
  ['SR630 V3', '7D72 7D73 7D74'],
  ['SR645 V3', '7D9C 7D9D'],
  ['SR665 V3', '7D9A 7D9B'],
  ['SR850 V3', '7D96 7D97 7D98'],
  ['SR860 V3', '7D93 7D94 7D95'],
  ['SR635 V3', '7D9G 7D9H'],
  ['SR655 V3', '7D9E 7D9F'],
  ['ST650 V3', '7D7A 7D7B']
]

/** Machines with classic packages: XML metadata, grouped in system packs. */
export const classicMachines: readonly MachineType[] = CLASSIC_MACHINES.flatMap(expand)

/** Machines with V3 packages: JSON metadata, grouped in bundles. */
export const v3Machines: readonly MachineType[] = V3_MACHINES.flatMap(expand)

/** The machines of one repository: one of five types has V3 packages, and there is at least one of each kind. */
export function chooseMachines(count: number): { classic: readonly MachineType[]; v3: readonly MachineType[] } {
  const v3 = Math.min(Math.max(1, Math.round(count / 5)), v3Machines.length)
  return { classic: classicMachines.slice(0, Math.max(1, count - v3)), v3: v3Machines.slice(0, v3) }
}

/** `ThinkSystem SR650 [7X05]`: the type is in the brackets. */
export function describeMachine(machine: MachineType): string {
  return `${machine.name} [${machine.type}]`
}

function expand([model, types]: readonly [string, string]): MachineType[] {
  return types.split(' ').map((type) => ({ type, name: `ThinkSystem ${model}` }))
}
