/** The components that packages update: the catalogue from which product lines are drawn. */
import type { SizeClass } from '../size-classes.ts'

export type Container = 'uxz' | 'tgz' | 'bin' | 'exe' | 'zip' | 'rom' | 'hpm' | 'ima'

/** A system on which a package can be installed, and the name of its payload file. */
export interface Target {
  readonly os: string
  readonly arch: string
  readonly extension: Container
}

/**
 * The machines that a line supports. `platform` and `drivers` lines are distributed so that together they support every
 * machine (a system pack needs these); `device` lines support the machines with the device.
 */
export type Spread = 'platform' | 'drivers' | 'device'

export interface Component {
  readonly name: string
  readonly kind: 'fw' | 'dd' | 'utl' | 'sw'
  readonly category: string
  readonly title: string
  readonly brands: readonly string[]
  readonly targets: readonly Target[]
  /**
   * `build`: `cdi340v-3.08`. Otherwise a version of this pattern, with `#` for a sequential number and `*` for a random
   * one.
   */
  readonly naming: 'build' | readonly string[]
  readonly spread: Spread
  readonly form: 'classic' | 'v3'
  readonly rebootRequired: boolean
}

const anyos: readonly Target[] = [{ os: 'anyos', arch: 'noarch', extension: 'uxz' }]
const anyosTar: readonly Target[] = [{ os: 'anyos', arch: 'noarch', extension: 'tgz' }]
const anyos3264: readonly Target[] = [{ os: 'anyos', arch: '32-64', extension: 'uxz' }]
const anyosZip: readonly Target[] = [{ os: 'anyos', arch: 'noarch', extension: 'zip' }]
const composite: readonly Target[] = [{ os: 'anyos', arch: 'comp', extension: 'zip' }]
const installers: readonly Target[] = [
  { os: 'linux', arch: 'x86-64', extension: 'bin' },
  { os: 'windows', arch: '32-64', extension: 'exe' },
  { os: 'vmware6.0', arch: 'x86-64', extension: 'bin' }
]
const drivers: readonly Target[] = [
  { os: 'rhel7', arch: 'x86-64', extension: 'tgz' },
  { os: 'windows', arch: 'x86-64', extension: 'exe' },
  { os: 'sles12', arch: 'x86-64', extension: 'tgz' },
  { os: 'win2016', arch: 'x86-64', extension: 'zip' }
]

const lnvgy: readonly string[] = ['lnvgy']

function firmware(name: string, category: string, title: string, more: Partial<Component> = {}): Component {
  return {
    name,
    kind: 'fw',
    category,
    title,
    brands: lnvgy,
    targets: anyos,
    naming: 'build',
    spread: 'device',
    form: 'classic',
    rebootRequired: false,
    ...more
  }
}

const v3: Partial<Component> = { form: 'v3', targets: composite }

/** The components of each class are used in this order, the most common first: small repositories use only these. */
export const componentsByClass: Readonly<Record<SizeClass, readonly Component[]>> = {
  T: [
    firmware('psu', 'PSU', 'Power Supply Firmware Update'),
    firmware('hdd', 'HDD', 'SAS Drive Firmware Update', {
      targets: installers,
      naming: ['sas-1.*.#', 'sata-2.*.#', 'nvme-3.*.#']
    }),
    firmware('exp', 'Backplane', 'Expander Backplane Firmware Update'),
    firmware('cpld', 'CPLD', 'System CPLD Firmware Update', { rebootRequired: true }),
    firmware('nvmeswitch', 'NVMe', 'NVMe Switch Card Firmware Update', { naming: ['1.*.#'] }),
    firmware('fpc', 'FPC', 'Fan and Power Controller Firmware Update')
  ],
  S: [
    firmware('nic', 'NIC', 'Ethernet Adapter Firmware Update', {
      brands: ['brcm-lnvgy'],
      targets: installers,
      naming: ['nx1-2*.9.5.#', 'nxe-2*.0.3.1-#', 'bcm-20.*.#.0'],
      rebootRequired: true
    }),
    firmware('nic', 'NIC', 'Composite Ethernet Adapter Firmware', {
      ...v3,
      brands: ['brcm-lnvgy'],
      naming: ['nx1-227.0.*.1-0#']
    }),
    firmware('fc', 'FC', 'Fibre Channel Adapter Firmware Update', {
      brands: ['qlgc-lnvgy', 'elx-lnvgy'],
      targets: installers,
      naming: ['8.*.1.#', '12.*.270.#'],
      rebootRequired: true
    }),
    firmware('storehba', 'Storage', 'Storage HBA Firmware Update', { naming: ['430-16.00.*.#'], targets: installers }),
    firmware('cna', 'CNA', 'Converged Network Adapter Firmware Update', {
      brands: ['elx-lnvgy'],
      targets: installers,
      naming: ['oc14-11.*.204.#']
    }),
    firmware('mpt3sas', 'Storage', 'SAS Host Bus Adapter Firmware Update', {
      naming: ['n2215-24.*.0.#'],
      targets: installers
    }),
    firmware('nic', 'NIC', 'Gigabit Ethernet Adapter Firmware Update', {
      brands: ['intc-lnvgy'],
      targets: installers,
      naming: ['6.80-4.00-1.19*.#-g']
    }),
    firmware('scsw', 'Switches', 'Flex System Scalable Switch Firmware', {
      naming: ['en4093r-8.*.#.0'],
      targets: anyosTar
    })
  ],
  M: [
    firmware('uefi', 'UEFI', 'UEFI Firmware Update', { targets: anyos3264, spread: 'platform', rebootRequired: true }),
    firmware('sraidmr35', 'RAID', 'ServeRAID Adapter Firmware Update', {
      targets: installers,
      naming: ['530-50.*.0-#', '930-51.*.0-#'],
      rebootRequired: true
    }),
    firmware('uefi', 'UEFI', 'Composite UEFI Firmware Update', { ...v3, rebootRequired: true }),
    firmware('mpt35sas', 'Storage', '12Gb SAS Adapter Firmware Update', {
      targets: installers,
      naming: ['430-09.*.00.#']
    }),
    firmware('nic', 'NIC', 'Ethernet Adapter Device Driver', {
      kind: 'dd',
      brands: ['brcm-lnvgy', 'intc-lnvgy'],
      targets: drivers,
      naming: ['nx1-2*.0.31.#', 'i40e-2.*.#']
    }),
    firmware('raid', 'RAID', 'Composite RAID Adapter Firmware', { ...v3, naming: ['mr3.5.940-j9337-*b#'] }),
    firmware('cmm', 'CMM', 'Chassis Management Module Firmware', { targets: anyosZip }),
    firmware('sraidmr35', 'RAID', 'ServeRAID Device Driver', { kind: 'dd', targets: drivers, naming: ['7.70*.12.#'] })
  ],
  L: [
    firmware('xcc', 'XCC', 'XClarity Controller Firmware Update', { spread: 'platform' }),
    firmware('lxpm', 'LXPM', 'XClarity Provisioning Manager Update', { spread: 'platform' }),
    firmware('xcc', 'XCC', 'Composite XClarity Controller Firmware', v3),
    firmware('nic', 'NIC', 'ConnectX Family Adapter Firmware Update', {
      brands: ['mlnx-lnvgy'],
      targets: installers,
      naming: ['cx-5.*-1.0.#.0'],
      rebootRequired: true
    })
  ],
  XL: [
    firmware('drvwn', 'DRVWN', 'LXPM Windows Device Drivers', { spread: 'drivers' }),
    firmware('drvln', 'DRVLN', 'LXPM Linux Device Drivers', { spread: 'drivers' }),
    firmware('drives', 'HDD', 'All Drives Firmware Update', { targets: installers, naming: ['all-1.*.#-0'] })
  ],
  XXL: [
    firmware('lxca', 'Software', 'XClarity Administrator Repository Pack', {
      kind: 'sw',
      targets: anyosTar,
      naming: ['thinksystemrepo1-1.*.#']
    }),
    firmware('lxce', 'Software', 'XClarity Essentials Boot Image', {
      kind: 'utl',
      targets: anyosZip,
      naming: ['bomc01m-11.*.#']
    })
  ]
}

/** The component of the small packages that have defects. */
export const spareComponent: Component = firmware('psu', 'PSU', 'Power Supply Firmware Update')

/** Families of build ids that exist in reality; further ones are random. */
export const knownFamilies: Readonly<Record<string, readonly string[]>> = {
  xcc: ['tei', 'psi', 'afb'],
  uefi: ['ive', 'tee', 'pse'],
  lxpm: ['pdl'],
  drvwn: ['pdw'],
  drvln: ['pdn']
}

/** The categories that a system pack contains for every machine. */
export const coreCategories: readonly string[] = ['XCC', 'UEFI', 'LXPM', 'DRVWN', 'DRVLN']
