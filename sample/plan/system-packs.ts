/**
 * Plans UpdateXpress System Packs: an XML file without payload, for one machine and one operating system, that lists
 * the newest packages for both. Packs share members.
 */

import { createRandom, type Random } from '../random.ts'
import { formatDate } from './calendar.ts'
import { coreCategories } from './components.ts'
import type { MachineType } from './machine-types.ts'
import { drawTextSizes, type PackagePlan, type TextSizes } from './package-plan.ts'

/** A system pack to write. */
export interface SystemPackPlan {
  readonly fixid: string
  readonly title: string
  readonly build: string
  readonly version: string
  readonly os: string
  readonly machine: MachineType
  readonly releasedAt: number
  readonly members: readonly string[]
  /** An additional member that the repository does not contain: a defect. */
  readonly missingMember: string
  readonly texts: TextSizes
}

/** `anyos` is the pack for updates without an operating system; the other packs add packages to it. */
const SYSTEMS: readonly (readonly [string, ReadonlySet<string>])[] = [
  ['anyos', new Set(['anyos'])],
  ['windows', new Set(['anyos', 'windows', 'win2016'])],
  ['rhel7', new Set(['anyos', 'linux', 'rhel7'])],
  ['vmware6.0', new Set(['anyos', 'vmware6.0'])]
]

const WEEK = 7 * 24 * 60 * 60

/** `count` packs for the machines and systems; with `defects` the first one lists a missing package. */
export function planSystemPacks(options: {
  readonly seed: number
  readonly count: number
  readonly machines: readonly MachineType[]
  readonly packages: readonly PackagePlan[]
  /** Most members beyond the core set. */
  readonly maxDevices: number
  readonly defects: boolean
  readonly textScale: number
}): SystemPackPlan[] {
  const { seed, count, machines, packages, maxDevices, defects, textScale } = options
  const newest = newestOfLines(packages)
  return Array.from({ length: Math.min(count, machines.length * SYSTEMS.length) }, (_, index) => {
    const random = createRandom(`${seed}/system-pack/${index}`)
    const machine = machines[index % machines.length] as MachineType
    const turn = (index % machines.length) + Math.floor(index / machines.length)
    const [os, systems] = SYSTEMS[turn % SYSTEMS.length] as (typeof SYSTEMS)[number]
    const fitting = newest.filter(
      (plan) => systems.has(plan.os) && plan.machines.some(({ type }) => type === machine.type)
    )
    const members = chooseMembers(fitting, random, maxDevices)
    const build = `${random.letters(1)}${random.integer(1, 9)}sp${String(index).padStart(2, '0')}${random.letters(1)}`
    const version = (random.integer(10, 50) / 10).toFixed(2)
    const releasedAt = Math.max(0, ...members.map((member) => member.releasedAt)) + random.integer(1, 5) * WEEK
    return {
      fixid: `lnvgy_utl_uxsp_${build}-${version}_${os}_32-64`,
      title: `Lenovo UpdateXpress System Pack of ${formatDate(releasedAt)} for ${machine.name}`,
      build: build.toUpperCase(),
      version,
      os,
      machine,
      releasedAt,
      members: members.map(({ fixid }) => fixid),
      missingMember: defects && index === 0 ? 'lnvgy_fw_exp_zzz999z-9.99_anyos_noarch' : '',
      texts: drawTextSizes(random, textScale)
    }
  })
}

/** The newest package of each core category, and some for devices. */
function chooseMembers(fitting: readonly PackagePlan[], random: Random, maxDevices: number): PackagePlan[] {
  const core = coreCategories.flatMap((category) => {
    const candidates = fitting.filter((plan) => plan.component.category === category)
    return candidates.toSorted((a, b) => b.releasedAt - a.releasedAt).slice(0, 1)
  })
  const devices = fitting.filter((plan) => !coreCategories.includes(plan.component.category))
  return [...core, ...random.shuffle(devices).slice(0, random.integer(1, maxDevices))]
}

/** Packs list the newest packages; a classic pack lists classic packages. */
function newestOfLines(packages: readonly PackagePlan[]): PackagePlan[] {
  const replaced = new Set(packages.flatMap((plan) => plan.supersedes))
  return packages.filter((plan) => plan.form === 'classic' && !replaced.has(plan.fixid))
}
