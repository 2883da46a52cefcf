/** The JSON files of V3 packages and bundles, with the keys that are publicly known. */
import { formatDottedTime } from '../plan/calendar.ts'
import { createRandom } from '../random.ts'

/** The installer: the bootable update environment, the management controller, or both for core components. */
export type UpdateType = 'BMU' | 'OOB' | 'Core'

/** A payload with its path in the metadata. */
export interface V3Payload {
  readonly path: string
  readonly size: number
  readonly sha256: string
}

/** The facts of one component in the JSON files. */
export interface V3Component {
  readonly fixid: string
  readonly title: string
  readonly version: string
  readonly releasedAt: number
  readonly machineTypes: readonly string[]
  /** Names of the devices that are updated. */
  readonly softwareIds: readonly string[]
  readonly updateType: UpdateType
  readonly activation: string
  readonly prerequisites: readonly string[]
  readonly payloads: readonly V3Payload[]
  /** The package in which the vendor publishes the component. */
  readonly parent: string
  /** True in a bundle, which has a location file for each component; a package file has none. */
  readonly hasLocation: boolean
}

/** The facts of a bundle in its root index. */
export interface V3BundleFacts {
  readonly fixid: string
  readonly title: string
  readonly version: string
  readonly releasedAt: number
  readonly machineTypes: readonly string[]
  readonly parents: readonly string[]
  readonly releaseNotes: readonly string[]
  readonly changeHistory: readonly string[]
}

/** `<fixid>_index.json`, and the `index.json` of a package file. */
export function renderIndex(component: V3Component): string {
  return toText({ Updates: updatesOf(component), Oem: { BundleData: { ParentFixIds: [component.parent] } } })
}

/** `<bundle>_index.json` at the root of a bundle. */
export function renderBundleIndex(bundle: V3BundleFacts, components: readonly V3Component[]): string {
  return toText({
    Updates: components.flatMap(updatesOf),
    Oem: {
      Name: bundle.fixid,
      Version: bundle.version,
      ReleaseDate: formatDottedTime(bundle.releasedAt),
      Description: bundle.title,
      BundleData: { ParentFixIds: bundle.parents },
      ApplicableMachineTypes: bundle.machineTypes,
      DocumentationFiles: { ReleaseNotes: bundle.releaseNotes, ChangeHistory: bundle.changeHistory }
    }
  })
}

function updatesOf(component: V3Component) {
  const { fixid, version, machineTypes, softwareIds } = component
  const dsNumber = `DS${createRandom(`ds/${component.parent}`).integer(500_000, 599_999)}`
  return component.payloads.map(({ path }) => ({
    Payload: path,
    Inventory: `${fixid}_inventory.json`,
    ...(component.hasLocation ? { Locations: `${fixid}_location.json` } : {}),
    AuthenticitySignature: `${fixid}_signature.json`,
    Oem: {
      Inventory: softwareIds.map((id) => ({
        SoftwareId: id,
        Version: version,
        OperatingSystem: 'anyos',
        Payload: path
      })),
      FixId: { DsNumber: dsNumber, Name: fixid },
      ApplicableMachineTypes: machineTypes
    }
  }))
}

/** `<fixid>_inventory.json` */
export function renderInventory(component: V3Component): string {
  const random = createRandom(`inventory/${component.fixid}`)
  return toText({
    Description: component.title,
    ReleaseDate: formatDottedTime(component.releasedAt),
    UpdateType: component.updateType,
    ActivationMethod: component.activation,
    InstallTime: random.integer(1, 30) * 60,
    Prerequisites: component.prerequisites,
    MinimumSupportedVersion: '',
    Devices: component.softwareIds.map((id) => ({
      AgentlessId: `17AA${random.hex(4).toUpperCase()}`,
      PartNumbers: [`0${random.integer(10, 99)}${random.letters(2).toUpperCase()}${random.integer(100, 999)}`],
      SoftwareIds: [id],
      FeatureCodes: [random.letters(4).toUpperCase()]
    }))
  })
}

/** `<fixid>_location.json`: empty in bundles for use without a network. */
export function renderLocation(): string {
  return toText({ Locations: [] })
}

/** `<fixid>_signature.json`. The digests are correct; the signatures are noise, since the vendor's key is secret. */
export function renderSignature(component: V3Component, inventory: V3Payload): string {
  const random = createRandom(`signature/${component.fixid}`)
  const noise = () => Array.from({ length: 6 }, () => random.hex(64)).join('\n')
  return toText({
    AuthenticitySignature: [inventory, ...component.payloads].map(({ path, size, sha256 }) => ({
      FileName: path,
      Signature: `-----BEGIN PGP SIGNATURE-----\n\n${noise()}\n-----END PGP SIGNATURE-----\n`,
      Oem: { 'Sha-256': sha256, SizeBytes: size }
    }))
  })
}

function toText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
