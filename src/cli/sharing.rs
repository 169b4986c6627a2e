//! How much runs at once, and with whom that is shared: from `-j`, `--jobserver` and what the make that started wake says,
//! to a plan. It opens what that make offers.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::args::JobserverStyle;
use super::values::count;
use crate::error::Result;
use crate::evaluate::jobserver::{Flags, Offer, Place, Plan, Style, Supply};

/// Each job may be a thread; `-j 0` is as many.
pub(super) const MOST_JOBS: u32 = 4096;

/// What was asked for, before anything is opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sharing {
    /// How many operations run at once if nobody else says it.
    pub jobs: usize,
    /// What a make offers, and how many jobs it has, if it says so.
    pub offer: Option<(Place, Option<usize>)>,
    /// What operations are told of a jobserver of wake's own; `None`: there is none.
    pub style: Option<Style>,
    /// What a user should know.
    pub warning: Option<String>,
    /// The make that started wake only says what it would do (`make -n`).
    pub is_dry_run: bool,
}

impl Sharing {
    /// `jobs`: the value of `-j`.
    pub(super) fn check(
        jobs: Option<&str>,
        style: JobserverStyle,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let given = jobs
            .map(|text| count("--jobs", text, MOST_JOBS))
            .transpose()?;
        let given = given.map(|jobs| if jobs == 0 { MOST_JOBS } else { jobs } as usize);
        let flags = environment.get("MAKEFLAGS");
        let flags = flags.map_or_else(Flags::default, |text| Flags::parse(text));
        // Whoever sets the flags for all makes, in a shell, has not started wake with one.
        let is_below_make = environment.contains_key("MAKELEVEL");
        let said = flags
            .jobs
            .filter(|_| is_below_make && flags.jobserver == Offer::None);
        let mut sharing = Self {
            jobs: given.or(said).unwrap_or_else(processors),
            offer: None,
            style: match style {
                JobserverStyle::Auto => Some(Style::Auto),
                JobserverStyle::Fifo => Some(Style::Fifo),
                JobserverStyle::Pipe => Some(Style::Pipe),
                JobserverStyle::Off => None,
            },
            warning: None,
            is_dry_run: is_below_make && flags.is_dry_run,
        };
        if style != JobserverStyle::Off {
            sharing.answer(flags, given);
        }
        Ok(sharing)
    }

    /// Takes or turns down what a make offers.
    fn answer(&mut self, flags: Flags, given: Option<usize>) {
        match (flags.jobserver, given) {
            (Offer::At(place), None) => self.offer = Some((place, flags.jobs)),
            (Offer::At(_), Some(_)) => {
                self.warning = Some(
                    "`-j` is given, so no jobs are shared with the make that started wake"
                        .to_owned(),
                );
            }
            (Offer::Withheld, None) => self.decline("it keeps its jobserver to itself"),
            (Offer::Unknown(text), None) => {
                self.decline(&format!("wake does not know its jobserver `{text}`"));
            }
            (Offer::None, _) | (_, Some(_)) => {}
        }
    }

    fn decline(&mut self, cause: &str) {
        self.warning = Some(format!(
            "No jobs are shared with the make that started wake, {} run at once: {cause}. If the line of its makefile \
             begins with `+`, make shares them; `-j` says how many run",
            self.jobs
        ));
    }

    /// Opens what is offered. Returns how many operations run at once at most, and with whom that is shared.
    pub(super) fn open(&mut self) -> (usize, Plan) {
        if let Some((place, jobs)) = self.offer.take() {
            match Supply::join(&place, jobs) {
                Ok(supply) => {
                    return (
                        jobs.unwrap_or(MOST_JOBS as usize),
                        Plan::Join(Arc::new(supply)),
                    );
                }
                Err(error) => self.decline(&match place {
                    Place::Fifo(path) => {
                        format!("`{}` cannot be used: {error}", path.display())
                    }
                    Place::Pipe(..) => error.to_string(),
                }),
            }
        }
        (self.jobs, self.style.map_or(Plan::Alone, Plan::Serve))
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sharing(jobs: Option<&str>, makeflags: &str) -> Sharing {
        let environment = BTreeMap::from([
            ("MAKEFLAGS".to_owned(), makeflags.to_owned()),
            ("MAKELEVEL".to_owned(), "1".to_owned()),
        ]);
        Sharing::check(jobs, JobserverStyle::Auto, &environment).unwrap()
    }

    #[test]
    fn a_make_that_offers_a_jobserver_is_joined_unless_jobs_are_given() {
        let offered = sharing(None, " -j3 --jobserver-auth=3,4");
        assert_eq!(offered.offer, Some((Place::Pipe(3, 4), Some(3))));
        assert_eq!(offered.warning, None);
        let given = sharing(Some("5"), " -j3 --jobserver-auth=3,4");
        assert_eq!((given.offer, given.jobs), (None, 5));
        assert_eq!(
            given.warning.unwrap(),
            "`-j` is given, so no jobs are shared with the make that started wake"
        );
    }

    #[test]
    fn without_a_jobserver_make_says_at_most_how_many() {
        assert_eq!(sharing(None, " -j1").jobs, 1);
        assert_eq!(sharing(Some("6"), " -j1").jobs, 6);
        assert_eq!(sharing(None, "-j").jobs, processors());
        assert_eq!(sharing(None, "").jobs, processors());
        assert_eq!(sharing(None, "").style, Some(Style::Auto));
        // Set for all makes by a user, and no make started wake.
        let environment = BTreeMap::from([("MAKEFLAGS".to_owned(), "-j1".to_owned())]);
        let alone = Sharing::check(None, JobserverStyle::Auto, &environment).unwrap();
        assert_eq!(alone.jobs, processors());
    }

    #[test]
    fn one_that_is_withheld_or_strange_is_told_of_and_done_without() {
        for (text, cause) in [
            (
                " -j3 --jobserver-auth=-2,-2",
                "it keeps its jobserver to itself",
            ),
            (
                " -j3 --jobserver-auth=x",
                "wake does not know its jobserver `x`",
            ),
        ] {
            let declined = sharing(None, text);
            assert_eq!((declined.offer, declined.jobs), (None, processors()));
            let warning = declined.warning.unwrap();
            assert!(warning.contains(cause), "{warning}");
            assert_eq!(sharing(Some("2"), text).warning, None);
        }
    }

    #[test]
    fn what_cannot_be_opened_is_told_of_and_done_without() {
        for text in [
            "-j3 --jobserver-auth=fifo:/nowhere/fifo",
            "-j3 --jobserver-auth=9999,9998",
        ] {
            let mut sharing = sharing(None, text);
            let (jobs, plan) = sharing.open();
            assert_eq!(jobs, processors());
            assert!(matches!(plan, Plan::Serve(Style::Auto)), "{plan:?}");
            let warning = sharing.warning.unwrap();
            assert!(warning.starts_with("No jobs are shared with the make that started wake"));
        }
    }

    #[test]
    fn zero_jobs_are_all_that_there_can_be() {
        assert_eq!(sharing(Some("0"), "").jobs, 4096);
        let environment = BTreeMap::new();
        for wrong in ["-1", "4097", "many", "", "1.5"] {
            let error =
                Sharing::check(Some(wrong), JobserverStyle::Auto, &environment).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("`--jobs` must be a number from 0 to 4096, not `{wrong}`")
            );
        }
    }

    #[test]
    fn nobody_is_asked_and_told_where_that_is_off() {
        let environment = BTreeMap::from([(
            "MAKEFLAGS".to_owned(),
            "-j3 --jobserver-auth=3,4".to_owned(),
        )]);
        let mut off = Sharing::check(None, JobserverStyle::Off, &environment).unwrap();
        assert!(matches!(off.open(), (_, Plan::Alone)));
        assert_eq!(off.warning, None);
    }
}
