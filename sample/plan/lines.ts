import { createRandom, type Random } from '../random.ts'
import { countClasses, type SizeClass, spreadSizes } from '../size-classes.ts'
import { drawReleaseTimes } from './calendar.ts'
import { type Component, componentsByClass, type Spread, type Target } from './components.ts'
import { classicMachines, type MachineType } from './machine-types.ts'
import type { Namer, ReleaseName } from './naming.ts'
import { type TrickyName, trickyNames } from './tricky-names.ts'

/** One version of a product line. */
export interface Release extends ReleaseName {
  /** Whole seconds since 1970 UTC. */
  readonly releasedAt: number
  /** Bytes of payload before the sizes are fitted to the corpus. */
  readonly size: number
}

/** Packages that replace each other: consecutive versions for the same component, machines and system. */
export interface ProductLine {
  readonly component: Component
  readonly sizeClass: SizeClass
  readonly vendor: string
  readonly target: Target
  readonly machines: readonly MachineType[]
  /** Sub-folder of the repository, empty for its root. */
  readonly folder: string
  /** Oldest first. */
  readonly releases: readonly Release[]
  /** The name is a real one, and is used unchanged. */
  readonly tricky: boolean
  readonly side: string
}

export interface LineOptions {
  readonly seed: number
  readonly packages: number
  readonly targetBytes: number
  readonly machines: { readonly classic: readonly MachineType[]; readonly v3: readonly MachineType[] }
  readonly namer: Namer
}

const MAX_VERSIONS = 8
/** Smaller corpora would contain only special cases. */
const TRICKY_FROM_PACKAGES = 60
/** A common adapter fits almost every machine: one line lists this many machine types. */
const WIDEST = 40
/** One of this many lines is in a sub-folder named for a machine type, as after downloads per machine. */
const LINES_PER_FOLDER = 9
const FOLDER_TURN = 2

/** Product lines that together have the number of packages per size class that the mix requires. */
export function planLines(options: LineOptions): ProductLine[] {
  const { seed, packages, targetBytes, namer } = options
  const tricky = packages >= TRICKY_FROM_PACKAGES ? trickyNames : []
  for (const { fixid } of tricky) namer.reserve(fixid)
  const chooseFor = createMachineChooser(createRandom(`${seed}/machines`), options.machines)
  return [...countClasses(packages, targetBytes)].flatMap(([sizeClass, count]) => {
    const random = createRandom(`${seed}/lines/${sizeClass}`)
    const names = tricky.filter((name) => name.sizeClass === sizeClass).slice(0, count)
    const { taken, left } = takeEvenly(spreadSizes(sizeClass, count), names.length)
    const real = names.map((name, index) => trickyLine(name, taken[index] ?? 0, random, chooseFor))
    return [...real, ...drawLines(sizeClass, left, random, namer, chooseFor)]
  })
}

type MachineChooser = (component: Component) => MachineType[]

function trickyLine(name: TrickyName, size: number, random: Random, chooseFor: MachineChooser): ProductLine {
  const { component, sizeClass, fixid, build, version, os, extension, side = '' } = name
  return {
    component,
    sizeClass,
    vendor: component.brands[0] ?? '',
    target: { os, arch: '', extension },
    machines: chooseFor(component),
    folder: '',
    releases: drawReleaseTimes(random, 1).map((releasedAt) => ({ fixid, build, version, size, releasedAt })),
    tricky: true,
    side
  }
}

/** Lines of the components of a class, in rotation, until all sizes are used. */
function drawLines(
  sizeClass: SizeClass,
  sizes: readonly number[],
  random: Random,
  namer: Namer,
  chooseFor: MachineChooser
): ProductLine[] {
  const components = componentsByClass[sizeClass]
  // Every component is used once before one gets a second version.
  const versions = Math.min(Math.max(1, Math.ceil(sizes.length / components.length)), MAX_VERSIONS)
  const lines: ProductLine[] = []
  for (let turn = 0, used = 0; used < sizes.length; turn++) {
    const component = components[turn % components.length] as Component
    const round = Math.floor(turn / components.length)
    const target = component.targets[round % component.targets.length] as Target
    const vendor = component.brands[round % component.brands.length] ?? ''
    const lineSizes = random.shuffle(sizes.slice(used, used + random.integer(1, versions)))
    used += lineSizes.length
    const times = drawReleaseTimes(random, lineSizes.length)
    const names = namer.nameLine(component, vendor, target, lineSizes.length)
    const releases = names.map((name, i) => ({ ...name, releasedAt: times[i] ?? 0, size: lineSizes[i] ?? 0 }))
    const widest = sizeClass === 'S' && turn === 0
    const machines = widest ? classicMachines.slice(0, WIDEST) : chooseFor(component)
    const movable = component.form === 'classic' && component.spread === 'device' && !widest
    const folder = movable && turn % LINES_PER_FOLDER === FOLDER_TURN ? (machines[0]?.type ?? '') : ''
    lines.push({ component, sizeClass, vendor, target, machines, folder, releases, tricky: false, side: '' })
  }
  return lines
}

/** The real names take sizes from the whole class, so that the others keep a balanced mix. */
function takeEvenly(sizes: readonly number[], count: number): { taken: number[]; left: number[] } {
  const indexes = new Set(Array.from({ length: count }, (_, i) => Math.floor(((i + 0.5) * sizes.length) / count)))
  return { taken: sizes.filter((_, i) => indexes.has(i)), left: sizes.filter((_, i) => !indexes.has(i)) }
}

const SPREADS: Readonly<Record<Spread, readonly [number, number]>> = {
  platform: [3, 6],
  drivers: [8, 12],
  device: [1, 6]
}

function createMachineChooser(random: Random, machines: LineOptions['machines']): MachineChooser {
  const cursors = new Map<string, number>()
  return (component) => {
    const [min, max] = SPREADS[component.spread]
    if (component.form === 'v3') return random.shuffle(machines.v3).slice(0, random.integer(1, max))
    const { classic } = machines
    const count = Math.min(random.integer(min, max), classic.length)
    if (component.spread === 'device') return random.shuffle(classic).slice(0, count)
    const cursor = cursors.get(component.category) ?? 0
    cursors.set(component.category, cursor + count)
    return Array.from({ length: count }, (_, i) => classic[(cursor + i) % classic.length] as MachineType)
  }
}
