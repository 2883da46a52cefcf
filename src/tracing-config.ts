/** The settings of traces: the standard variables of OpenTelemetry. */
import { ConfigError } from './config-error.ts'

/** What the standard variables `OTEL_…` say and the exporter does not read by itself. */
export interface TracingConfig {
  /** How many of the traces that begin here are kept, from 0 to 1. */
  readonly ratio: number
  /** Traces that have begun elsewhere are kept as their beginning was. */
  readonly isParentBased: boolean
}

/**
 * OpenTelemetry's own names count, as its specification has them: nothing is sent unless one of them asks for it. Where to, with which
 * headers and under which name the exporter reads from them itself.
 * @returns undefined when nobody wants traces
 * @throws ConfigError
 */
export function tracingConfig(environment: Readonly<Record<string, string | undefined>>): TracingConfig | undefined {
  const given = (name: string) => environment[`OTEL_${name}`]?.trim() ?? ''
  const exporter = given('TRACES_EXPORTER')
  const endpoint = given('EXPORTER_OTLP_ENDPOINT') + given('EXPORTER_OTLP_TRACES_ENDPOINT')
  if (given('SDK_DISABLED').toLowerCase() === 'true' || exporter === 'none') return undefined
  if (exporter === '' && endpoint === '') return undefined
  if (exporter !== '' && exporter !== 'otlp') {
    throw new ConfigError('The setting OTEL_TRACES_EXPORTER must be otlp or none.')
  }
  const protocol = given('EXPORTER_OTLP_TRACES_PROTOCOL') || given('EXPORTER_OTLP_PROTOCOL')
  if (protocol === 'grpc') {
    throw new ConfigError(
      'The setting OTEL_EXPORTER_OTLP_PROTOCOL must not be grpc: traces are sent over HTTP, as JSON.'
    )
  }
  const sampler = given('TRACES_SAMPLER') || 'parentbased_always_on'
  const [, parent, kind] = /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(sampler) ?? []
  const ratio = kind === 'traceidratio' ? Number(given('TRACES_SAMPLER_ARG') || 1) : 1
  if (kind === undefined || !(ratio >= 0 && ratio <= 1)) {
    throw new ConfigError(
      'The settings OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG must be a sampler of OpenTelemetry and a number from 0 to 1.'
    )
  }
  return { ratio: kind === 'always_off' ? 0 : ratio, isParentBased: parent !== undefined }
}
