/** Plans the V3 bundle: hundreds of small components that the vendor publishes under some dozens of parent packages. */

import { createRandom, type Random } from '../random.ts'
import { spreadLogarithmically } from '../size-classes.ts'
import type { UpdateType } from '../write/v3-json.ts'
import type { MachineType } from './machine-types.ts'

export interface BundlePlan {
  readonly fixid: string
  readonly title: string
  readonly version: string
  readonly releasedAt: number
  readonly machines: readonly MachineType[]
  readonly parents: readonly string[]
  readonly components: readonly BundleComponent[]
}

export interface BundleComponent {
  readonly fixid: string
  readonly title: string
  readonly version: string
  readonly category: string
  readonly parent: string
  readonly softwareId: string
  readonly updateType: UpdateType
  readonly activation: string
  /** Relative to the bundle; components of one parent may share it. */
  readonly payload: string
  /** Bytes of payload; zero for a component that shares the payload of another one. */
  readonly size: number
}

/** The counts of a real bundle for two machines; smaller corpora get a proportionally smaller one. */
const REAL = { components: 305, parents: 22, payloads: 253 }
/** From this number of packages on the bundle has its real size. */
const FULL_FROM_PACKAGES = 1000
const COMPONENTS_PER_PACKAGE = 0.23
const COMPONENTS_PER_PARENT = 5

const MIN_PAYLOAD = 16_000
const MAX_PAYLOAD = 40_000_000

interface Parent {
  readonly fixid: string
  readonly category: string
  readonly version: string
  /** `#` is replaced by the PCI ids of a device; a parent without it is its only component. */
  readonly pattern: string
}

/** Parts of every machine first; the others are families of devices. */
const CORE = [
  ['XCC', 'lnvgy_fw_xcc_qgx306n-1.00_anyos_comp', '1.00'],
  ['UEFI', 'lnvgy_fw_uefi_ese114k-1.20_anyos_comp', '1.20'],
  ['LXPM', 'lnvgy_fw_lxpm_xwl108e-4.10_anyos_comp', '4.10'],
  ['FPGA', 'lnvgy_fw_fpga_hyb105b-1.05_anyos_comp', '1.05']
] as const

const DEVICES = [
  ['NIC', 'brcm-lnvgy_fw_nic_nx1'],
  ['RAID', 'lnvgy_fw_raid_mr3.5'],
  ['HDD', 'lnvgy_fw_drives_all'],
  ['NIC', 'mlnx-lnvgy_fw_nic_cx'],
  ['NIC', 'intc-lnvgy_fw_nic_e810'],
  ['FC', 'elx-lnvgy_fw_fc_lpe'],
  ['FC', 'qlgc-lnvgy_fw_fc_qle'],
  ['PSU', 'lnvgy_fw_psu_chicony'],
  ['Backplane', 'lnvgy_fw_exp_anybay']
] as const

/** Plans the bundle for a corpus of this number of packages. */
export function planBundle(seed: number, packages: number, machines: readonly MachineType[]): BundlePlan {
  const random = createRandom(`${seed}/bundle`)
  const count =
    packages >= FULL_FROM_PACKAGES ? REAL.components : Math.max(6, Math.round(packages * COMPONENTS_PER_PACKAGE))
  const parentCount = count >= REAL.components ? REAL.parents : Math.max(3, Math.round(count / COMPONENTS_PER_PARENT))
  const parents = planParents(random, parentCount)
  return {
    fixid: 'lnvgy_bundle_svcpack_ka-j9ltd-01a2-24a.0_platform_comp',
    title: 'Service pack bundle with firmware for management controller, system and devices',
    version: '24a.0',
    releasedAt: Date.UTC(2024, 2, 1, 16, 22, 44) / 1000,
    machines: machines.slice(0, 2),
    parents: parents.map(({ fixid }) => fixid),
    components: sharePayloads(planComponents(random, parents, count), random)
  }
}

function planParents(random: Random, count: number): Parent[] {
  const core = CORE.slice(0, Math.max(1, Math.min(CORE.length, count - 2)))
  return [
    ...core.map(([category, fixid, version]) => ({ category, fixid, version, pattern: fixid })),
    ...Array.from({ length: count - core.length }, (_, index) => {
      const [category, stem] = DEVICES[index % DEVICES.length] as (typeof DEVICES)[number]
      const version = `${random.integer(20, 240)}.${random.integer(0, 9)}.${index}.1-0${random.integer(100, 999)}`
      const fixid = `${stem}-${version}_anyos_comp`
      return { category, fixid, version, pattern: `${stem}.#-${version}_anyos_comp` }
    })
  ]
}

/** Every parent has one component; the rest is distributed over the families of devices. */
function planComponents(random: Random, parents: readonly Parent[], count: number): BundleComponent[] {
  const families = parents.filter(({ pattern }) => pattern.includes('#'))
  const extra = Array.from({ length: count - parents.length }, () => random.pick(families))
  const owners = [...parents, ...extra].toSorted((a, b) => parents.indexOf(a) - parents.indexOf(b))
  const sizes = random.shuffle(spreadLogarithmically(MIN_PAYLOAD, MAX_PAYLOAD, owners.length))
  return owners.map((parent, index) => {
    const isDevice = parent.pattern.includes('#')
    // The sequential number makes the device ids unique, independent of the random part.
    const ids = ['14e4', (0x1000 + index).toString(16), '17aa', random.hex(4)]
    const fixid = parent.pattern.replace('#', ids.join('.'))
    const { category, version } = parent
    return {
      fixid,
      title: `Lenovo ${category} Firmware Component`,
      version,
      category,
      parent: parent.fixid,
      softwareId: isDevice ? `DEVICE-${ids.join('-').toUpperCase()}-13` : `FW-${category}`,
      updateType: isDevice ? (random.next() < 0.17 ? 'OOB' : 'BMU') : 'Core',
      activation: isDevice ? drawActivation(random) : 'System reboot',
      payload: isDevice ? `payloads/firmware/${fixid}.lvt` : `payloads/${fixid}.uxz`,
      size: sizes[index] ?? MIN_PAYLOAD
    }
  })
}

function drawActivation(random: Random): string {
  const draw = random.next() * 301
  if (draw < 259) return 'Self-Contained'
  if (draw < 284) return 'System reboot'
  if (draw < 295) return 'Medium-specific reset'
  return draw < 300 ? 'Automatic' : 'AC power cycle'
}

/** One of six devices has the same image as the first one of its family. */
function sharePayloads(components: readonly BundleComponent[], random: Random): BundleComponent[] {
  const firstOf = new Map<string, BundleComponent>()
  for (const component of components) {
    if (!firstOf.has(component.parent)) firstOf.set(component.parent, component)
  }
  const candidates = components.filter((component) => firstOf.get(component.parent) !== component)
  const shared = Math.round((components.length * (REAL.components - REAL.payloads)) / REAL.components)
  const sharing = new Set(random.shuffle(candidates).slice(0, shared))
  return components.map((component) =>
    sharing.has(component)
      ? { ...component, payload: firstOf.get(component.parent)?.payload ?? component.payload, size: 0 }
      : component
  )
}
