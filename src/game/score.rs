//! How good predictions were.

/// Bins of the calibration, each a twentieth of the chances.
pub const BINS: usize = 20;
/// A chance is taken to be this far from 0 and 1 at least, so that one surprise does not cost everything.
const CERTAIN: f64 = 1e-12;

/// Predictions of one side's chance, added up against what happened (1 won, 0.5 drew, 0 lost).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    matches: u64,
    log_loss: f64,
    brier: f64,
    right: f64,
    bins: [Bin; BINS],
}

/// The predictions of one bin.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Bin {
    matches: u64,
    chances: f64,
    results: f64,
}

impl Score {
    /// Adds a prediction. A chance of one half, and a draw, count as half right.
    pub fn add(&mut self, chance: f64, result: f64) {
        let p = chance.clamp(CERTAIN, 1.0 - CERTAIN);
        self.matches += 1;
        self.log_loss -= result.mul_add(p.ln(), (1.0 - result) * (1.0 - p).ln());
        self.brier += (chance - result).powi(2);
        self.right += if chance == 0.5 || result == 0.5 {
            0.5
        } else {
            f64::from(u8::from((chance > 0.5) == (result > 0.5)))
        };
        let bin = &mut self.bins[((chance * BINS as f64) as usize).min(BINS - 1)];
        bin.matches += 1;
        bin.chances += chance;
        bin.results += result;
    }

    /// How many predictions there were.
    pub const fn matches(&self) -> u64 {
        self.matches
    }

    fn mean(&self, sum: f64) -> f64 {
        sum / self.matches.max(1) as f64
    }

    /// Mean logarithmic loss, in nats; ln 2 = 0.693 is a coin toss.
    pub fn log_loss(&self) -> f64 {
        self.mean(self.log_loss)
    }

    /// Mean squared error of the chance; 0.25 is a coin toss.
    pub fn brier(&self) -> f64 {
        self.mean(self.brier)
    }

    /// The part of the matches whose likelier side won.
    pub fn accuracy(&self) -> f64 {
        self.mean(self.right)
    }

    /// How far the mean chance of a bin is from its mean result, weighted by how many predictions it holds (the expected
    /// calibration error of Guo et al., "On Calibration of Modern Neural Networks", 2017).
    pub fn calibration_error(&self) -> f64 {
        self.mean(self.bins.iter().map(|bin| (bin.chances - bin.results).abs()).sum())
    }

    /// Each bin that holds predictions: how many, their mean chance and their mean result.
    pub fn calibration(&self) -> impl Iterator<Item = (u64, f64, f64)> {
        self.bins.iter().filter(|bin| bin.matches > 0).map(|bin| {
            let n = bin.matches as f64;
            (bin.matches, bin.chances / n, bin.results / n)
        })
    }
}
