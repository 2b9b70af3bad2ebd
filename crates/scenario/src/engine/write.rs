//! Writing slots and variables: what does not fit is not written.

use serde_json::{Map, Value};

use crate::file::{Assign, Target};
use crate::json;
use crate::limits::{REQUEST_BYTES_MAX, VALUE_BYTES_MAX, VARS_BYTES_MAX, VARS_MAX};
use crate::template::is_name;
use crate::trace::HIDDEN;

use super::run::Run;

impl Run<'_> {
    /// Empties the slots if that is wanted, and then writes what is to be set.
    pub(super) fn clear_and_set(&mut self, clear_slots: bool, set: &Assign) {
        // All values are worked out on what was there before.
        let values: Vec<Value> = self.render(REQUEST_BYTES_MAX, |render| {
            set.0.iter().map(|(_, data)| data.value(render)).collect()
        });
        if clear_slots {
            let carried = &self.scenario.meta.carry_slots;
            let all = self.state.slots.keys().filter(|name| !carried.contains(name));
            for name in all.cloned().collect::<Vec<_>>() {
                self.write_slot(&name, &Value::Null);
            }
        }
        for ((target, _), value) in set.0.iter().zip(values) {
            match target {
                Target::Slot(name) => {
                    self.write_slot(name, &value);
                }
                Target::Var(name) => self.write_var(name, value),
            }
        }
    }

    /// Writes a slot, or empties it with null: whether it could.
    pub(super) fn write_slot(&mut self, name: &str, value: &Value) -> bool {
        if value.is_null() {
            if self.state.slots.remove(name).is_some() {
                self.tracer.slot(name, Value::Null);
            }
            return true;
        }
        let Some(slot) = self.scenario.slots.get(name) else {
            self.tracer.note(|| format!("there is no slot {name}"));
            return false;
        };
        if self.missing_for(slot).is_some() {
            self.tracer.note(|| format!("slot.{name} is personal data: no consent"));
            return false;
        }
        let Some(value) = slot.value_of(value).filter(|v| json::size(v) <= VALUE_BYTES_MAX) else {
            self.tracer.note(|| format!("slot.{name} does not take the value"));
            return false;
        };
        let shown = if slot.sensitive { Value::from(HIDDEN) } else { value.clone() };
        self.tracer.slot(name, shown);
        self.state.slots.insert(name.to_owned(), value);
        true
    }

    /// Writes a variable, or forgets it with null.
    pub(super) fn write_var(&mut self, name: &str, value: Value) {
        let before = self.state.vars.remove(name);
        if value.is_null() {
            return;
        }
        let vars = &self.state.vars;
        let taken: usize = vars.iter().map(|(name, value)| name.len() + json::size(value)).sum();
        let size = json::size(&value);
        let fits = is_name(name)
            && vars.len() < VARS_MAX
            && size <= VALUE_BYTES_MAX
            && taken + name.len() + size <= VARS_BYTES_MAX;
        if fits {
            self.state.vars.insert(name.to_owned(), value);
            return;
        }
        self.tracer.note(|| format!("var.{name} is too large, or there are too many"));
        if let Some(before) = before {
            self.state.vars.insert(name.to_owned(), before);
        }
    }

    pub(super) fn merge_vars(&mut self, vars: Map<String, Value>) {
        for (name, value) in vars {
            self.write_var(&crate::text::nfc(&name), value);
        }
    }
}
