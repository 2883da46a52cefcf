/**
 * How a group declares its settings: variables of the environment with their checks, and the texts of
 * docs/configuration.md.
 */
import { type Static, type TObject, type TOptional, type TProperties, type TString, Type } from 'typebox'

export interface SettingOptions {
  /** Completes the sentence "The setting X must be …". */
  readonly description: string
  /** What the setting does. */
  readonly purpose: string
  /** Who changes it, and why its value cannot be inferred. */
  readonly changedBy: string
  readonly pattern?: string
  readonly enum?: string[]
  readonly minLength?: number
  readonly maxLength?: number
}

/** The values of a group, once they are checked. */
export type SettingValues<Group extends TProperties> = Static<TObject<Group>>

export function setting<Options extends SettingOptions & { readonly default: string }>(
  options: Options
): TString & Options {
  return Object.assign(Type.String(), options)
}

/** @param options `unset` is a text for operators: what applies without a value */
export function optionalSetting<Options extends SettingOptions & { readonly unset: string }>(
  options: Options
): TOptional<TString> & Options {
  return Object.assign(Type.Optional(Type.String()), options)
}
